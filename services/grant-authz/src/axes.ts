import { canonicalCidr, enclosingCidr } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'

/** Where a grant may be used from, and over which of our networks. Empty or one `*`: any. */
export type Axes = {
  readonly nodeInstanceIds: readonly string[]
  readonly sdwanNetworkIds: readonly string[]
  readonly sourceCidrs: readonly string[]
  readonly boundIdentities: readonly string[]
}

export const ANY: readonly string[] = ['*']

const AXES = [
  ['nodeInstanceIds', 'node_instance_ids'],
  ['sdwanNetworkIds', 'sdwan_network_ids'],
  ['sourceCidrs', 'source_cidrs'],
] as const
const LONGEST_VALUE = 64
const MOST_VALUES = 256
const IDENTITY = /^(spiffe:\/\/[^\s/]+\/\S+|x5t#S256:[A-Za-z0-9_-]{43})$/

/** Refuses axes that cannot mean what they seem to: a mistake here would otherwise allow too much, or nothing. */
export function checkAxes(axes: Axes, { strictAxes }: { strictAxes: boolean }): void {
  for (const [field, name] of AXES) checkAxis(name, axes[field], strictAxes)
  for (const cidr of axes.sourceCidrs) if (cidr !== '*') checkCidr(cidr)
  if (new Set(axes.boundIdentities).size !== axes.boundIdentities.length)
    throw invalid('bound_identities', 'names an identity twice')
  for (const identity of axes.boundIdentities)
    if (!IDENTITY.test(identity))
      throw invalid('bound_identities', 'takes SPIFFE ids, and x5t#S256:<base64url SHA-256 of a certificate>')
}

function checkAxis(name: string, values: readonly string[], strict: boolean): void {
  if (values.length === 0 && strict)
    throw invalid(name, 'is empty, and this platform wants every axis said', `say "*" where you mean any`)
  if (values.length > MOST_VALUES) throw invalid(name, `takes ${MOST_VALUES} values at most`)
  if (new Set(values).size !== values.length) throw invalid(name, 'names a value twice')
  if (values.length > 1 && values.includes('*')) throw invalid(name, 'has "*" beside others: "*" means any, by itself')
  if (values.some((value) => value.length < 1 || value.length > LONGEST_VALUE))
    throw invalid(name, `takes values of 1 to ${LONGEST_VALUE} characters`)
}

/** A range with host bits is a mistake: nobody but its author can tell which of the two was meant. */
function checkCidr(said: string): void {
  const canonical = canonicalCidr(said) ?? enclosingCidr(said)
  if (canonical === undefined)
    throw invalid('source_cidrs', `has ${JSON.stringify(said)}, which is no range of addresses`)
  if (canonical !== said)
    throw invalid('source_cidrs', `has ${said}, which is not how a range is written`, `did you mean ${canonical}?`)
}

function invalid(axis: string, what: string, next?: string): Refusal {
  return new Refusal('GRANT_AXIS_INVALID', `${axis} ${what}`, { metadata: { axis }, ...(next && { next }) })
}
