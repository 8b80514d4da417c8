/**
 * Works on what a stream brings, several items at a time, and yields what comes of it as it comes.
 *
 * Reads no further while `atOnce` items are under way, which is how a caller that sends faster than we write is slowed
 * down. The first failure ends it.
 */
export async function* inAnyOrder<In, Out>(
  source: AsyncIterable<In>,
  work: (item: In) => Promise<Out>,
  atOnce: number,
): AsyncGenerator<Out> {
  const iterator = source[Symbol.asyncIterator]()
  const underway = new Set<Promise<() => Out>>()
  const read = () => iterator.next().then((result) => ({ result }))
  let next: ReturnType<typeof read> | undefined = read()

  while (next || underway.size > 0) {
    const first = await Promise.race([...underway, ...(next && underway.size < atOnce ? [next] : [])])
    if (typeof first === 'function') {
      yield first()
      continue
    }
    if (first.result.done) {
      next = undefined
      continue
    }
    const done: Promise<() => Out> = work(first.result.value).then((out) => () => {
      underway.delete(done)
      return out
    })
    underway.add(done)
    next = read()
  }
}
