import type { PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { PeerResidency, Policy, PolicyGrant, ServedKind } from './policy.ts'
import { pairOf, PolicyRows } from './policy-rows.ts'
import type { ResidencyRules } from './residency.ts'

/** Of several bridges of a peer to one network, the first of these states that one of them has. */
const BRIDGE_STATES = ['active', 'suspended', 'proposed', 'revoked']

/**
 * The policy in the memory of a gateway, as the feed tells it: `begin`, pages, `position`, pages, `position` …
 *
 * Whoever decides sees one position or the next, never something between: a snapshot is put together aside, a change is
 * kept until its position has come, and then all of it is in force at once. What was begun and not finished is forgotten.
 * Nothing is kept from one decision to the next, so no answer outlives the rows it came from.
 */
export class PolicyTable implements Policy {
  #epoch = 0n
  #rows = new PolicyRows()
  /** The snapshot being read. */
  #next: PolicyRows | undefined
  /** The change being read. */
  readonly #change: PolicyPage[] = []

  /** What follows replaces everything, or continues what is there. */
  begin(replaces: boolean): void {
    this.#next = replaces ? new PolicyRows() : undefined
    this.#change.length = 0
  }

  apply(page: PolicyPage): void {
    if (this.#next) this.#next.take(page)
    else this.#change.push(page)
  }

  /** All that came before is complete up to this epoch: from now on it is what decisions are made on. */
  position(epoch: bigint): void {
    this.#rows = this.#next ?? this.#rows
    this.#next = undefined
    for (const page of this.#change.splice(0)) this.#rows.take(page)
    this.#epoch = epoch
  }

  get epoch(): bigint {
    return this.#epoch
  }

  /** How many grants are in force. */
  get size(): number {
    return this.#rows.grants.size
  }

  get strictAxes(): boolean {
    return this.#rows.strictAxes
  }

  get residency(): ResidencyRules {
    return this.#rows.rules
  }

  grant(id: string): PolicyGrant | undefined {
    return this.#rows.grants.get(id)
  }

  bridgeState(peerId: string, networkId: string): string | undefined {
    const states = new Set(this.#rows.bridges.of(pairOf(peerId, networkId)).map(({ state }) => state))
    return BRIDGE_STATES.find((state) => states.has(state))
  }

  residencyOf(peerId: string): PeerResidency | undefined {
    return this.#rows.residencies.get(peerId)
  }

  /** One for just this resource before one for any of its kind; among equals the one that ends first. */
  override(peerId: string, kind: string, id: string, atMs: number): string | undefined {
    const [best] = this.#rows.overrides
      .of(pairOf(peerId, kind))
      .filter(({ resourceId, expiresAtMs }) => (resourceId === '' || resourceId === id) && atMs < expiresAtMs)
      .sort(
        (a, b) =>
          Number(a.resourceId === '') - Number(b.resourceId === '') ||
          a.expiresAtMs - b.expiresAtMs ||
          (a.id < b.id ? -1 : 1),
      )
    return best?.id
  }

  kind(name: string): ServedKind | undefined {
    return this.#rows.kinds.get(name)
  }
}

/** A table that holds these pages and nothing else: to decide about rows one has just read. */
export function policyOf(pages: Iterable<PolicyPage>, epoch = 0n): PolicyTable {
  const table = new PolicyTable()
  table.begin(true)
  for (const page of pages) table.apply(page)
  table.position(epoch)
  return table
}
