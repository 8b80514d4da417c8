/** What `work` comes to, unless `signal` aborts first: then its reason is thrown, and `work` is left behind. */
export async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {})
    throw signal.reason
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The next item of an iterator, unless `signal` aborts first. */
export function nextUntil<T>(signal: AbortSignal, iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
  return until(signal, iterator.next())
}
