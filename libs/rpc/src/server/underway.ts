type Work<T> = {
  readonly told: T[]
  /** Settles when there is more to read, or no more to come. */
  more: PromiseWithResolvers<void>
  readonly ending: AbortController
  readers: number
  over: boolean
  fault?: Error
}

/** What is found out by `begin`, from its beginning, for as many as ask for it meanwhile. */
export type Underway<T> = (
  key: string,
  begin: (signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal,
) => AsyncGenerator<T>

/**
 * Finds out nothing twice at once: whoever asks for what is being found out already is told the same, from its beginning, and
 * when it fails that it failed. It is given up when nobody asks any more. Nothing is kept once it is done.
 */
export function underway<T>(): Underway<T> {
  const open = new Map<string, Work<T>>()

  async function run(key: string, work: Work<T>, begin: (signal: AbortSignal) => AsyncIterable<T>): Promise<void> {
    try {
      for await (const part of begin(work.ending.signal)) {
        work.told.push(part)
        tell(work)
      }
    } catch (error) {
      work.fault = error instanceof Error ? error : new Error(String(error))
    } finally {
      work.over = true
      if (open.get(key) === work) open.delete(key)
      tell(work)
    }
  }

  // oxlint-disable-next-line max-params -- what, how it is found out, and until when whoever asks waits
  return async function* follow(key, begin, signal) {
    signal.throwIfAborted()
    const known = open.get(key)
    const work = known ?? newWork<T>()
    work.readers += 1
    if (!known) {
      open.set(key, work)
      void run(key, work, begin)
    }
    const leave = Promise.withResolvers<void>()
    const onAbort = () => leave.resolve()
    signal.addEventListener('abort', onAbort)
    try {
      for (let at = 0; ;) {
        const { more } = work
        while (at < work.told.length) {
          const part = work.told[at] as T // it is shorter than that
          at += 1
          yield part
        }
        if (at < work.told.length || more !== work.more) continue
        if (work.fault) throw work.fault
        if (work.over) return
        await Promise.race([more.promise, leave.promise])
        signal.throwIfAborted()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      work.readers -= 1
      if (work.readers === 0 && !work.over) {
        if (open.get(key) === work) open.delete(key)
        work.ending.abort()
      }
    }
  }
}

const newWork = <T>(): Work<T> => ({
  told: [],
  more: Promise.withResolvers(),
  ending: new AbortController(),
  readers: 0,
  over: false,
})

function tell(work: Pick<Work<unknown>, 'more'>): void {
  const { resolve } = work.more
  work.more = Promise.withResolvers()
  resolve()
}

/** The same for what is told in one piece. */
export async function sharedAnswer<T>(
  following: Underway<T>,
  {
    key,
    ask,
    signal,
  }: { readonly key: string; readonly ask: (signal: AbortSignal) => Promise<T>; readonly signal: AbortSignal },
): Promise<T> {
  async function* once(until: AbortSignal): AsyncGenerator<T> {
    yield await ask(until)
  }
  for await (const answer of following(key, once, signal)) return answer
  throw new Error('an answer came to its end without having been given')
}
