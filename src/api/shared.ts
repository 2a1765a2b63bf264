/**
 * Shares one piece of work among all who ask for it. At most one is under way at a time. Who asks meanwhile gets the
 * result of the next one, together with everybody else who does: no result was begun before it was asked for, and a crowd
 * costs as much as two. A failure is shared too, and the next one begins anew.
 */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | null = null;
  let next: Promise<T> | null = null;
  const begin = (): Promise<T> => {
    next = null;
    const begun = work().finally(() => {
      if (current === begun) current = null;
    });
    current = begun;
    return begun;
  };
  return () => {
    if (current === null) return begin();
    // Whoever waits for the next one is told of its failure; that of the one before is told to others.
    next ??= current.then(begin, begin);
    return next;
  };
}
