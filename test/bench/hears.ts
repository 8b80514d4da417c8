import type { TestPlatform } from '../mesh.ts'

/** What a platform announces of its peers, as an operator who watches its event feed hears it. */
export type Hears = {
  /** Resolves when `kind` was announced of the peer, also when that is over already. */
  readonly of: (kind: string, peerId: string) => Promise<void>
}

/**
 * Watches the feed instead of asking for the peer again and again, which on two cores would slow down what is measured.
 * The feed comes last of all: what is heard has been committed, published and recorded by then.
 */
export async function hears({ ledger }: TestPlatform, signal: AbortSignal): Promise<Hears> {
  const heard = new Map<string, PromiseWithResolvers<void>>()
  const about = (kind: string, peerId: string) => {
    const key = `${kind} ${peerId}`
    const known = heard.get(key) ?? Promise.withResolvers<void>()
    heard.set(key, known)
    return known
  }
  const follow = async () => {
    for await (const { event } of ledger.watchEvents({ kindPrefix: 'federation.peer.' }, { signal, timeoutMs: 0 }))
      if (event) about(event.kind, event.peerId).resolve()
  }
  void follow().catch((error: unknown) => {
    if (!signal.aborted) for (const { reject } of heard.values()) reject(error)
  })
  return { of: (kind, peerId) => about(kind, peerId).promise }
}
