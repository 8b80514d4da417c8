import { type Platform } from '../../platform.ts'
import { type Side } from '../fedctl.ts'
import { type Mode } from '../options.ts'

/** A child as `fedctl child show -o json` prints it, as far as it is looked at here. */
export type ChildSheet = {
  readonly id: string
  readonly hostname: string
  readonly state: string
  readonly reason: string
  readonly peer_id: string
  readonly parent_url: string
  readonly steps: readonly { readonly name: string; readonly status: string; readonly detail: string }[]
  readonly instance: { readonly id: string; readonly state: string; readonly provider_ref: string } | null
  readonly cluster_member?: { readonly slot_name: string; readonly role_name: string; readonly state: string; readonly redis_status: string } // prettier-ignore
}

/** What is looked at. */
export type World = {
  readonly a: Platform
  /** The child, as its own operators see it; undefined where nobody can look in. */
  readonly inside: (Side & { readonly machine: string }) | undefined
  readonly mode: Mode
  /** The token of the boot, which has to rest nowhere. */
  readonly token: string
  readonly stop: AbortSignal
}

export type Look = {
  readonly world: World
  readonly child: ChildSheet
  readonly inside: NonNullable<World['inside']>
}

/** One thing that a mode brings, and how to see that it is there: says what it saw, or throws what it missed. */
export type Check = {
  readonly what: string
  /** Only to be seen from inside the child. */
  readonly inside?: true
  readonly look: (look: Look) => Promise<string>
}

/** What MUST be so, or the sentence that says it is not. */
export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}
