import type { PolicyBridge, PolicyOverride, PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { GrantColumns } from './grant-columns.ts'
import type { PeerResidency, ServedKind } from './policy.ts'
import { NO_RESIDENCY_RULES, ResidencyRules } from './residency.ts'

/** The rows of one state of the policy, as pages bring and take them. */
export class PolicyRows {
  readonly grants = new GrantColumns()
  readonly bridges = new Shelf<PolicyBridge>(({ peerId, sdwanNetworkId }) => pairOf(peerId, sdwanNetworkId))
  readonly overrides = new Shelf<PolicyOverride>(({ peerId, resourceKind }) => pairOf(peerId, resourceKind))
  readonly residencies = new Map<string, PeerResidency>()
  kinds: ReadonlyMap<string, ServedKind> = new Map()
  rules = NO_RESIDENCY_RULES
  strictAxes = false

  /** What a page brings and removes at once is removed. */
  take(page: PolicyPage): void {
    for (const grant of page.grants) this.grants.set(grant)
    for (const id of page.removedGrantIds) this.grants.delete(id)
    for (const bridge of page.bridges) this.bridges.set(bridge)
    for (const id of page.removedBridgeIds) this.bridges.delete(id)
    for (const { peerId, tag, mode, located } of page.residencies) this.residencies.set(peerId, { tag, mode, located })
    for (const peerId of page.removedResidencyPeerIds) this.residencies.delete(peerId)
    for (const override of page.overrides) this.overrides.set(override)
    for (const id of page.removedOverrideIds) this.overrides.delete(id)
    if (page.residencyRules) this.rules = new ResidencyRules(page.residencyRules)
    if (page.servedKinds) this.kinds = new Map(page.servedKinds.kinds.map((kind) => [kind.kind, kind]))
    if (page.settings) this.strictAxes = page.settings.strictAxes
  }
}

/** One key of two texts; no two pairs share one. */
export function pairOf(first: string, second: string): string {
  return `${first.length}:${first}${second}`
}

/** Rows by their id, and all rows of a key. */
export class Shelf<Row extends { readonly id: string }> {
  readonly #keyOf: (row: Row) => string
  readonly #byId = new Map<string, Row>()
  readonly #byKey = new Map<string, Map<string, Row>>()

  constructor(keyOf: (row: Row) => string) {
    this.#keyOf = keyOf
  }

  get size(): number {
    return this.#byId.size
  }

  /** How many keys have a row. */
  get keys(): number {
    return this.#byKey.size
  }

  of(key: string): readonly Row[] {
    return [...(this.#byKey.get(key)?.values() ?? [])]
  }

  set(row: Row): void {
    this.delete(row.id)
    this.#byId.set(row.id, row)
    const key = this.#keyOf(row)
    const rows = this.#byKey.get(key) ?? new Map<string, Row>()
    this.#byKey.set(key, rows.set(row.id, row))
  }

  delete(id: string): void {
    const row = this.#byId.get(id)
    if (!row) return
    this.#byId.delete(id)
    const key = this.#keyOf(row)
    const rows = this.#byKey.get(key)
    rows?.delete(id)
    if (rows?.size === 0) this.#byKey.delete(key)
  }
}
