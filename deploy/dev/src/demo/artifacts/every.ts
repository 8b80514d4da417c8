import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fedctl } from '../fedctl.ts'
import { must, type Check } from './artifact.ts'
import { holdersOf } from './token-search.ts'

type PeerJson = {
  readonly id: string
  readonly state: string
  readonly spawn_role: string
  readonly spawn_mode: string
  readonly url: string
  readonly trust_mode: string
  readonly contract_version: number
  readonly certificates: readonly { readonly spiffe_id: string }[]
}
type Invitations = { readonly invitations: readonly { readonly status: string }[] }
type Peers = { readonly peers: readonly PeerJson[] }

/** What every child brings, whichever its mode. */
export const everyChecks: readonly Check[] = [
  {
    what: 'Every step is done',
    look: async ({ world: { a, stop }, child }) => {
      const { state, steps } = await fedctl<typeof child>(a, ['child', 'show', child.id], stop)
      const open = steps.filter(({ status }) => status !== 'done' && status !== 'skipped')
      must(
        state === 'active' && open.length === 0,
        `it is ${state}, ${open.map(({ name }) => name).join(', ')} not done`,
      )
      return steps.map(({ name }) => name).join(', ')
    },
  },
  {
    what: 'A has it as its child, active',
    look: async ({ world: { a, mode, stop }, child }) => {
      const peer = await fedctl<PeerJson>(a, ['peer', 'show', child.peer_id], stop)
      must(peer.state === 'active', `A has it as ${peer.state}`)
      must(peer.spawn_role === 'parent' && peer.spawn_mode === mode, `we are ${peer.spawn_role}, ${peer.spawn_mode}`)
      must(peer.contract_version === 1, `contract version ${peer.contract_version}`)
      return `we are its ${peer.spawn_role}, ${peer.spawn_mode}, contract ${peer.contract_version}`
    },
  },
  {
    what: 'It has A as its parent, active',
    inside: true,
    look: async ({ world: { mode, stop }, inside }) => {
      const { peers } = await fedctl<Peers>(inside, ['peer', 'list'], stop)
      must(peers.length === 1, `it has ${peers.length} peers`)
      const [peer] = peers as [PeerJson]
      must(peer.state === 'active', `it has A as ${peer.state}`)
      must(peer.spawn_role === 'child' && peer.spawn_mode === mode, `it is ${peer.spawn_role}, ${peer.spawn_mode}`)
      return `it is our ${peer.spawn_role}, ${peer.spawn_mode}`
    },
  },
  {
    what: 'Its invitation was used once',
    look: async ({ world: { a, stop }, child }) => {
      const { invitations } = await fedctl<Invitations>(a, ['invite', 'list', child.peer_id], stop)
      const by = (status: string) => invitations.filter((one) => one.status === status).length
      must(by('redeemed') === 1 && by('open') === 0, `${by('redeemed')} redeemed, ${by('open')} open`)
      return 'one redeemed, none open'
    },
  },
  {
    what: 'A learnt where it is from itself',
    look: async ({ world: { a, stop }, child }) => {
      const { url } = await fedctl<PeerJson>(a, ['peer', 'show', child.peer_id], stop)
      must(url !== '' && url !== child.parent_url, `it is said to be at ${url || 'no address'}`)
      return url
    },
  },
  {
    what: 'A signs the certificate it shows',
    look: async ({ world: { a, stop }, child }) => {
      const { trust_mode, certificates } = await fedctl<PeerJson>(a, ['peer', 'show', child.peer_id], stop)
      const ours = certificates.find(({ spiffe_id }) => spiffe_id.endsWith(`/peer/${child.peer_id}`))
      must(trust_mode === 'hierarchical' && ours !== undefined, `${trust_mode}, ${certificates.length} certificates`)
      return ours.spiffe_id
    },
  },
  {
    what: 'Its machine runs',
    look: async ({ world: { a, stop }, child }) => {
      const { instance } = await fedctl<typeof child>(a, ['child', 'show', child.id], stop)
      must(instance?.state === 'running', `its machine is ${instance?.state ?? 'not there'}`)
      return instance.provider_ref
    },
  },
  {
    what: 'Its first run is over for good',
    inside: true,
    look: async ({ inside }) => {
      const [marker] = globSync('**/federation-accepted', { cwd: inside.machine })
      must(marker !== undefined, 'there is no marker federation-accepted')
      const said: { readonly accepted_at: string } = JSON.parse(readFileSync(join(inside.machine, marker), 'utf8'))
      return `${marker}, ${said.accepted_at}`
    },
  },
  {
    what: 'Its token rests nowhere',
    look: async ({ world: { a, token } }) => {
      must(token !== '', 'no token was shown to look for')
      const holders = holdersOf(token, a.dir)
      must(holders.length === 0, `it stands in ${holders.join(', ')}`)
      must(existsSync(a.dir), `${a.dir} is gone`)
      return 'not in any file of A, of its database or of the machine'
    },
  },
]
