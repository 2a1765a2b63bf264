import { parseArgs } from 'node:util';
import { formatProblems } from '../src/config/problems.ts';
import { loadPack } from '../src/diagnosis/load.ts';
import { Medic } from './medic.ts';
import { compare } from './run.ts';
import { assumptions, type Mix, mixedMonth } from './scenario.ts';
import { asMarkdown, asText, byClass, cells, summary, worst } from './table.ts';
import { type Watch, watches } from './world.ts';

/**
 * `npm run lab -- [--seed 1] [--days 30] [--connectors 200] [--watch alert] [--markdown]`: days of mixed failures in virtual time,
 * through the real decisions of connect-medic and through restated rules of others. `--watch morning`: what nobody escalates is
 * found at nine on working days, rather than by an alert after half an hour. The same numbers print the same table. Exit
 * status 1 when an option or the diagnosis cannot be read.
 */
function main(): number {
  let options: Options;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
  const loaded = loadPack(null);
  if (!loaded.ok) {
    console.error(formatProblems(loaded.problems, loaded.source));
    return 1;
  }
  const { pack } = loaded;
  const { markdown, watch, ...mix } = options;
  const scenario = mixedMonth(mix);
  const medic = new Medic({ pack });
  const unheard = new Medic({ pack, name: 'connect-medic, escalations only', alertAfterMs: null });
  // Without alerts both are one.
  const ours = watch === 'alert' ? [medic, unheard] : [medic];
  const comparison = compare(scenario, ours, watch);
  const print = markdown ? asMarkdown : asText;
  console.log(
    `seed ${mix.seed}, ${mix.days} days, ${mix.connectors} connectors, watch ${watch}: ${scenario.incidents.length} incidents\n`,
  );
  console.log(print(summary(comparison)));
  for (const [name, cell] of Object.entries(cells)) {
    console.log(`\n${name === 'downtime' ? 'downtime in hours' : name}\n`);
    console.log(print(byClass(comparison, cell)));
  }
  const found = worst(comparison);
  console.log(`\nworse than every peer: ${found.length === 0 ? 'nowhere' : found.join(', ')}`);
  console.log(`\nassumptions\n${assumptions.map((text) => `- ${text}`).join('\n')}`);
  return 0;
}

interface Options extends Mix {
  readonly watch: Watch;
  readonly markdown: boolean;
}

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '1' },
      days: { type: 'string', default: '30' },
      connectors: { type: 'string', default: '200' },
      watch: { type: 'string', default: 'alert' },
      markdown: { type: 'boolean', default: false },
    },
  });
  const watch = watches.find((one) => one === values.watch);
  if (watch === undefined) throw new RangeError(`--watch is ${watches.join(' or ')}, not ${values.watch}`);
  return {
    watch,
    seed: whole('seed', values.seed, 0, 0xffff_ffff),
    days: whole('days', values.days, 1, 400),
    connectors: whole('connectors', values.connectors, 1, 5_000),
    markdown: values.markdown,
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new RangeError(`--${name} is a whole number from ${least} to ${most}, not ${text}`);
  }
  return value;
}

process.exitCode = main();
