import type { Standby } from '../../plan.ts'

/** What a member's interface has for peers. */
export type Tunnel = {
  /** The [Peer] sections of its configuration. */
  readonly peers: string
  readonly standby: readonly Standby[]
  /** What stands for the peers and the standby in the version: shorter than they are, and another whenever they are. */
  readonly mark?: string
}

/** One standby in words, another for every other: what makes one version differ from the next. */
export function standbyText(standby: Standby): string {
  const known = each.get(standby)
  if (known !== undefined) return known
  const { prefixes, peers } = standby
  const text = `${prefixes.join()}>${peers.map(({ publicKey, address }) => `${publicKey}@${address}`).join()}\n`
  each.set(standby, text)
  return text
}

const each = new WeakMap<Standby, string>()
const texts = new WeakMap<readonly Standby[], string>()

/** The words of a whole list, made once. */
export function wordsOf(list: readonly Standby[]): string {
  const words = texts.get(list) ?? list.map(standbyText).join('')
  texts.set(list, words)
  return words
}
