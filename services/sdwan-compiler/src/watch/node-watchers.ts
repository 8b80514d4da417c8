/** Streams that one node may have open: one, and those whose end nobody has noticed yet. */
const MOST_OF_A_NODE = 4

type Place = { readonly signal: AbortSignal; readonly leave: () => void }

/**
 * Who watches, node by node. A node that opens one stream too many loses its oldest: whoever has stolen the key of one node can
 * keep no more of us awake than that node could.
 */
export class NodeWatchers {
  readonly #watching = new Map<string, readonly AbortController[]>()

  /** The place aborts with `signal`, or when newer streams of the node have taken it. `leave` MUST be called at the end. */
  enter(nodeId: string, signal: AbortSignal): Place {
    const own = new AbortController()
    const all = [...(this.#watching.get(nodeId) ?? []), own]
    for (const oldest of all.slice(0, -MOST_OF_A_NODE)) oldest.abort()
    this.#keep(nodeId, all.slice(-MOST_OF_A_NODE))
    const leave = (): void =>
      this.#keep(
        nodeId,
        (this.#watching.get(nodeId) ?? []).filter((one) => one !== own),
      )
    return { signal: AbortSignal.any([signal, own.signal]), leave }
  }

  #keep(nodeId: string, places: readonly AbortController[]): void {
    if (places.length > 0) this.#watching.set(nodeId, places)
    else this.#watching.delete(nodeId)
  }
}
