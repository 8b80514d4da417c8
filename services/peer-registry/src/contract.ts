import { createHash } from 'node:crypto'
import { Refusal } from '@powernode/rpc'

/** The contract versions one side can speak. */
export type ContractWindow = { readonly min: number; readonly max: number; readonly features: readonly string[] }

/** What both sides hold to from now on. */
export type Agreed = { readonly version: number; readonly features: readonly string[] }

/** The highest version both windows hold, and the features both name; undefined when the windows do not meet. */
export function commonVersion(ours: ContractWindow, theirs: ContractWindow): Agreed | undefined {
  const version = Math.min(ours.max, theirs.max)
  if (version < Math.max(ours.min, theirs.min)) return undefined
  return { version, features: ours.features.filter((feature) => theirs.features.includes(feature)).toSorted() }
}

/** As commonVersion, but says both windows and who has to upgrade when they do not meet. Changes nothing. */
export function agree(ours: ContractWindow, theirs: ContractWindow): Agreed {
  const agreed = commonVersion(ours, theirs)
  if (agreed) return agreed
  const behind = ours.max < theirs.min ? 'this platform' : 'the other platform'
  throw new Refusal(
    'CONTRACT_VERSION_UNSUPPORTED',
    `no common contract version: this platform speaks ${spoken(ours)}, the other ${spoken(theirs)}; ${behind} has to be upgraded first`,
    { metadata: { ours: spoken(ours), theirs: spoken(theirs), upgrade: behind } },
  )
}

const spoken = ({ min, max }: ContractWindow): string => (min === max ? `${min}` : `${min} to ${max}`)

/** A contract text is known by its SHA-256, lower-case hex. */
export const contractDigest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')
