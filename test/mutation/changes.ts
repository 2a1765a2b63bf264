import { stripTypeScriptTypes } from 'node:module';
import { type Node, parse } from 'acorn';
import { full } from 'acorn-walk';

/** One small change of a source text: what is between `start` and `end` becomes `after`. */
export interface Change {
  readonly start: number;
  readonly end: number;
  /** From 1. */
  readonly line: number;
  /** The whole line, trimmed. */
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

const OPERATORS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '+=': '-=',
  '-=': '+=',
};
const METHODS: Readonly<Record<string, string>> = {
  some: 'every',
  every: 'some',
  min: 'max',
  max: 'min',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
};
/** Methods that can be left out: what they are called on is of the same kind as what they answer. */
const LEFT_OUT = new Set([
  'filter',
  'sort',
  'toSorted',
  'slice',
  'trim',
  'reverse',
  'toReversed',
  'toLowerCase',
]);

/**
 * All changes of a TypeScript text, in its order. Types have none: they are blanked out before the text is parsed, which
 * leaves every other character where it was.
 */
export function changesOf(source: string): Change[] {
  const code = stripTypeScriptTypes(source);
  const changes = new Map<string, Change>();
  const add = (start: number, end: number, after: string): void => {
    const before = source.slice(start, end);
    if (before === after) return;
    const lineStart = source.lastIndexOf('\n', start - 1) + 1;
    const lineEnd = source.indexOf('\n', start);
    const text = source.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).trim();
    const line = source.slice(0, start).split('\n').length;
    changes.set(`${start} ${end} ${after}`, { start, end, line, text, before, after });
  };
  const ast = parse(code, { ecmaVersion: 'latest', sourceType: 'module' });
  full(ast, (found) => {
    const node = found as Found;
    switch (node.type) {
      case 'BinaryExpression':
      case 'LogicalExpression':
      case 'AssignmentExpression': {
        if (node.operator === '??') add(node.left.end, node.end, '');
        const after = OPERATORS[node.operator];
        if (after === undefined) break;
        // To subtract from a text is found by anything.
        if (node.operator === '+' && (isText(node.left) || isText(node.right))) break;
        const at = code.indexOf(node.operator, node.left.end);
        add(at, at + node.operator.length, after);
        break;
      }
      case 'IfStatement':
      case 'ConditionalExpression':
        add(node.test.start, node.test.end, 'true');
        add(node.test.start, node.test.end, 'false');
        break;
      case 'UnaryExpression':
        if (node.operator === '!') add(node.start, node.start + 1, '');
        break;
      case 'Literal':
        if (typeof node.value === 'boolean') add(node.start, node.end, String(!node.value));
        break;
      case 'ArrayExpression':
        if (node.elements.length > 0) add(node.start, node.end, '[]');
        break;
      case 'ExpressionStatement':
        add(node.start, node.end, ';');
        break;
      case 'CallExpression': {
        const { callee } = node;
        if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') break;
        const { property, object } = callee;
        const after = METHODS[property.name];
        if (after !== undefined) add(property.start, property.end, after);
        if (LEFT_OUT.has(property.name)) add(object.end, node.end, '');
        break;
      }
    }
  });
  return [...changes.values()].sort((one, other) => one.start - other.start);
}

/** What is looked at of a node, whose type says which of it is there. */
type Found =
  | (Node & {
      type: 'BinaryExpression' | 'LogicalExpression' | 'AssignmentExpression';
      operator: string;
      left: Node;
      right: Node;
    })
  | (Node & { type: 'IfStatement' | 'ConditionalExpression'; test: Node })
  | (Node & { type: 'UnaryExpression'; operator: string })
  | (Node & { type: 'Literal'; value: unknown })
  | (Node & { type: 'ArrayExpression'; elements: readonly unknown[] })
  | (Node & { type: 'ExpressionStatement' })
  | (Node & {
      type: 'CallExpression';
      callee: Node & { object: Node; property: Node & { name: string } };
    });

function isText(node: Node): boolean {
  return (
    node.type === 'TemplateLiteral' ||
    (node.type === 'Literal' && 'value' in node && typeof node.value === 'string')
  );
}
