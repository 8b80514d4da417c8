/**
 * One round trip at a time: all who ask while one is under way share the next, which begins after they asked.
 *
 * So what each is given was read after it asked, and a hundred askers cost one query.
 */
export function sharing<Result>(trip: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<Result> | undefined
  return () => {
    if (next) return next
    const begin = () => {
      next = undefined
      return trip()
    }
    next = running.then(begin, begin)
    running = next
    return next
  }
}
