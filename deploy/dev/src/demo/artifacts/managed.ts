import { fedctl } from '../fedctl.ts'
import { must, type Check } from './artifact.ts'
import { capabilitiesAt, givenBy, receivedBy } from './grants.ts'

const OPERATOR = 'managed_child_operator'
const TRAVELLING = 'NodeModule,platform_deployment,service_offering'
const DAY_MS = 86_400_000

type Certificates = { readonly certificates: readonly { readonly spiffe_id: string; readonly revoked_at?: string }[] }
type Policies = { readonly policies: readonly { readonly action: string; readonly verb: string; readonly set_by: string }[] } // prettier-ignore

/** What makes a managed child managed. */
export const managedChecks: readonly Check[] = [
  {
    what: "It lets A's operators act there",
    inside: true,
    look: async ({ world: { stop }, inside }) => {
      const grant = (await givenBy(inside, stop)).find(({ resource_kind }) => resource_kind === OPERATOR)
      must(grant !== undefined, `there is no grant ${OPERATOR}`)
      const days = Math.round((Date.parse(grant.expires_at) - Date.parse(grant.issued_at)) / DAY_MS)
      must(
        grant.scopes.toSorted().join() === 'admin,read,write' && days === 365,
        `${grant.scopes.join()} for ${days} d`,
      )
      must(grant.remote_subject.startsWith('parent-operator@'), `it is for ${grant.remote_subject}`)
      return `${OPERATOR}: ${grant.scopes.join()}, ${days} days`
    },
  },
  {
    what: 'A holds the mirror of that grant',
    look: async ({ world: { a, inside, stop }, child }) => {
      const mirror = (await receivedBy(a, child.peer_id, stop)).find(({ resource_kind }) => resource_kind === OPERATOR)
      must(mirror !== undefined, 'A holds no mirror of it')
      const there = inside ? (await givenBy(inside, stop)).map(({ id }) => id) : [mirror.id]
      must(there.includes(mirror.id), 'the mirror is of another grant')
      return mirror.id
    },
  },
  {
    what: 'A sets how resources travel',
    look: async ({ world: { a, stop }, child }) => travelling(await capabilitiesAt(a, child.peer_id, stop)),
  },
  {
    what: 'It sets the same from its end',
    inside: true,
    look: async ({ world: { stop }, inside }) => travelling(await capabilitiesAt(inside, undefined, stop)),
  },
  {
    what: "A's policies are its defaults",
    inside: true,
    look: async ({ world: { a, stop }, inside }) => {
      const ours = (await fedctl<Policies>(a, ['policy', 'list'], stop)).policies
      const theirs = (await fedctl<Policies>(inside, ['policy', 'list'], stop)).policies
      const inherited = theirs.filter(({ set_by }) => set_by.startsWith('peer/'))
      const different = inherited.filter(({ action, verb }) => ours.find((one) => one.action === action)?.verb !== verb)
      must(inherited.length > 0 && different.length === 0, `${inherited.length} of ${ours.length} came from A`)
      return `${inherited.length} policies, until its own operators set one`
    },
  },
  {
    what: "A's CA knows its machine",
    look: async ({ world: { a, stop }, child }) => {
      const { certificates } = await fedctl<Certificates>(a, ['cert', 'list'], stop)
      const name = `/instance/${child.instance?.id}`
      const found = certificates.find(({ spiffe_id, revoked_at }) => spiffe_id.endsWith(name) && !revoked_at)
      must(found !== undefined, 'its machine has no certificate of ours')
      return found.spiffe_id
    },
  },
]

function travelling(kinds: readonly string[]): string {
  must(kinds.join() === TRAVELLING, `capabilities for ${kinds.join(', ') || 'nothing'}`)
  return kinds.join(', ')
}
