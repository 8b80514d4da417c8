/** One call across the border, and what was decided about it: decision.proto says what each field means. */
export type Decision = {
  readonly id: string
  readonly peerId: string
  readonly direction: 'in' | 'out'
  readonly at: Date
  readonly allowed: boolean
  readonly reason: string
  readonly axis: string
  readonly detail: string
  readonly rpc: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly scope: string
  readonly nodeInstanceId: string
  readonly sdwanNetworkId: string
  readonly sourceAddress: string
  readonly grantId: string
  readonly dataClass: string
  readonly resourceRegion: string
  readonly destinationRegion: string
  readonly residencyMode: string
  readonly residencyRuleId: string
  readonly advised: boolean
  readonly overrideId: string
  readonly requestId: string
  readonly traceparent: string
  readonly policyEpoch: number
  /** Null: the other side gave none, or none that can be an id. */
  readonly remoteDecisionId: string | null
}

const DAY_MS = 86_400_000
/** How far back a list reaches when its reader does not say. */
export const SHOWN_DAYS = 30
/** A little longer than that, so that what is shown is whole. */
const KEPT_DAYS = 35

/** Decisions from before this moment may go. */
export function keptSince(now: Date): Date {
  return new Date(now.getTime() - KEPT_DAYS * DAY_MS)
}

/** Where a list begins when its reader does not say. */
export function shownSince(now: Date): Date {
  return new Date(now.getTime() - SHOWN_DAYS * DAY_MS)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isId(text: string): boolean {
  return UUID.test(text)
}
