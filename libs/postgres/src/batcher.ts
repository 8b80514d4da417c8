/** Collects what callers bring while the last batch is under way, and hands it over as the next one. */
export type Batcher<Item, Result> = {
  /** Resolves when the batch that holds `item` is done; rejects when that batch failed. */
  add(item: Item): Promise<Result>
  /** Resolves when nothing is queued and nothing under way. */
  idle(): Promise<void>
}

type Waiting<Item, Result> = {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: one `flush` at a time, everything that queued meanwhile in the next, at most `maxItems`, each
 * counted as `weightOf` says (1): one that is heavier than all that goes alone.
 *
 * No timer, so a lone caller waits for nobody; under load batches grow until the database keeps up.
 * `flush` MUST answer as many results as it got items, in their order.
 */
export function createBatcher<Item, Result>(
  flush: (items: readonly Item[]) => Promise<readonly Result[]>,
  { maxItems, weightOf = () => 1 }: { maxItems: number; weightOf?: (item: Item) => number },
): Batcher<Item, Result> {
  let queue: Waiting<Item, Result>[] = []
  let running: Promise<void> | undefined

  const run = async () => {
    while (queue.length > 0) {
      const batch = queue.slice(0, fitting())
      queue = queue.slice(batch.length)
      await settle(batch)
    }
    running = undefined
  }
  const fitting = () => {
    let weight = 0
    const tooMany = queue.findIndex(({ item }) => (weight += weightOf(item)) > maxItems)
    return tooMany < 0 ? queue.length : Math.max(tooMany, 1)
  }
  const settle = async (batch: readonly Waiting<Item, Result>[]) => {
    try {
      const results = await flush(batch.map(({ item }) => item))
      if (results.length !== batch.length) throw new Error(`${results.length} results for ${batch.length} items`)
      batch.forEach(({ resolve }, at) => resolve(results[at]!))
    } catch (error) {
      for (const { reject } of batch) reject(error) // each caller is told; nobody else could act on it
    }
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject })
        // Everyone who calls in this turn of the event loop shares the first batch.
        running ??= Promise.resolve().then(run)
      }),
    async idle() {
      while (running) await running
    },
  }
}
