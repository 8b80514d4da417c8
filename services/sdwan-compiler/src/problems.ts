import type { Intent } from './intent/intent.ts'
import type { Network } from './network.ts'
import type { Problem } from './plan.ts'

/** Something that is not as it is wanted, and the network in which it lies; undefined: in none. */
export type PlacedProblem = Problem & { readonly networkId: string | undefined }

/** What compiling the network found, each in its place. */
export const problemsOf = ({ plan, intent }: Pick<Network, 'plan' | 'intent'>): readonly PlacedProblem[] =>
  plan.problems.map((problem) => ({ ...problem, networkId: networkOf(intent, problem.record) }))

/** A secret that nobody can open any more, as something that is the matter. */
export function lostProblem(
  intent: Intent,
  { kind, id }: { readonly kind: 'network' | 'our_half' | 'their_half'; readonly id: string },
): PlacedProblem {
  const record = kind === 'network' ? `network/${id}` : `crossing/${id}`
  return { fatal: true, code: 'SECRET_LOST', record, message: LOST[kind], networkId: networkOf(intent, record) }
}

/** This process, of all that may run, cannot answer for our secrets. */
export const replacedProblem = (newest: string): PlacedProblem => ({
  fatal: true,
  code: 'SEALING_KEY_REPLACED',
  record: `sealing_key/${newest}`,
  message: `the process of sdwan-compiler that says this does not have this newest sealing key: it makes no new keys, and nodes that ask it keep those they have`,
  networkId: undefined,
})

const LOST = {
  network:
    'what its preshared keys are derived from was sealed under a key that is lost: its nodes go on with the keys they have, and new ones have no tunnel',
  our_half: 'our half of the preshared key of the tunnel was sealed under a key that is lost: the peer is told nothing',
  their_half: 'the peer’s half of the preshared key of the tunnel was sealed under a key that is lost',
} as const

/** `<kind>/<id>`, the network that it belongs to. */
function networkOf(intent: Intent, record: string): string | undefined {
  const [kind = '', id = ''] = record.split('/', 2)
  switch (kind) {
    case 'network':
      return id
    case 'member':
    case 'firewall_rule':
    case 'virtual_ip':
      return intent[kind].get(id)?.networkId
    case 'port_mapping':
      return intent.member.get(intent.port_mapping.get(id)?.memberId ?? '')?.networkId
    case 'prefix_access':
      return intent.prefix_access.get(id)?.networkId
    case 'crossing':
      return [...intent.prefix_access.values()].find(({ peerId }) => peerId === id)?.networkId
    case 'route_leak':
      return intent.route_leak.get(id)?.sourceNetworkId
    default:
      return undefined
  }
}
