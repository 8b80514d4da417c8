import type { PlatformKey, SealingKey } from '@powernode/identity'
import type { ContractWindow } from './contract.ts'
import type { Description } from './description.ts'
import type { Timers } from './peer.ts'

/** The row that says who we are. */
export type Platform = {
  readonly platformId: string
  readonly identityKey: Buffer
  readonly identityKeySealed: Buffer
  readonly trustDomain: string
  readonly bundleSequence: number
  /** The envelope of our current TrustBundle. */
  readonly bundle: Buffer
  /** Where our networks lie, as sdwan-compiler says; empty until it has. */
  readonly prefixAdvertisement: string
  /** What we were last started as; peers stand compatible with it, or do not. */
  readonly platformVersion: string
  readonly createdAt: Date
}

/** What this platform says of itself: from its configuration. */
export type Self = Description & {
  readonly name: string
  readonly window: ContractWindow
  readonly timers: Timers
}

/** Ourselves, with the keys to speak and to keep secrets. Made once when the service starts. */
export type Us = {
  readonly platformId: string
  readonly trustDomain: string
  readonly key: PlatformKey
  readonly sealing: SealingKey
  readonly self: Self
  readonly lifetimes: Lifetimes
}

/** How long the certificates we issue live. */
export type Lifetimes = {
  readonly serviceMs: number
  readonly operatorMs: number
  readonly peerMs: number
}
