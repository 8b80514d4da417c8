import { STREAMS, subjectsOf, WORM, type StreamName } from '../../libs/events/src/streams.ts'

/**
 * Who hears which stream, and under which names of durable consumers: each its own, so that nobody can take the news
 * that another waits for. A test holds these names against the subscriptions in the services.
 *
 * What a service may announce is not repeated here: it is the stream that STREAMS gives it. A service without a row has
 * no NATS user and is refused by the server: federation-gateway neither announces nor hears anything.
 */
export const HEARS: Readonly<Record<string, Partial<Readonly<Record<StreamName, readonly string[]>>>>> = {
  'peer-registry': {
    LIVENESS: [
      'peer-registry--heard',
      'peer-registry--unreachable',
      'peer-registry--described',
      'peer-registry--bundle-outdated',
    ],
    AUDIT_LEDGER: ['peer-registry--fork-detected'],
  },
  liveness: {},
  'audit-ledger': {
    PEER_REGISTRY: ['audit-ledger--record-peer-registry'],
    LIVENESS: ['audit-ledger--record-liveness'],
    GRANT_AUTHZ: ['audit-ledger--record-grant-authz'],
    AUDIT_LEDGER: ['audit-ledger--record-audit-ledger'],
    SPAWN_PROVISIONER: ['audit-ledger--record-spawn-provisioner'],
    SDWAN_COMPILER: ['audit-ledger--record-sdwan-compiler'],
  },
  'grant-authz': {
    PEER_REGISTRY: ['grant-authz--operator-grant', 'grant-authz--revocation', 'grant-authz--change'],
  },
  'spawn-provisioner': {
    PEER_REGISTRY: [
      'spawn-provisioner--accepted',
      'spawn-provisioner--enrolled',
      'spawn-provisioner--active',
      'spawn-provisioner--revoked',
    ],
  },
  'sdwan-compiler': {
    PEER_REGISTRY: [
      'sdwan-compiler--enrolled',
      'sdwan-compiler--active',
      'sdwan-compiler--degraded',
      'sdwan-compiler--suspended',
      'sdwan-compiler--revoked',
      'sdwan-compiler--changed',
    ],
  },
}

/** The services that have a NATS user. */
export const BUS_SERVICES: readonly string[] = Object.keys(HEARS)

/** One user of the NATS server: whose certificate it is, and what that one may do. */
export type NatsUser = {
  /** The URI of the client certificate's subject alternative name; `verify_and_map` makes it the user name. */
  readonly spiffeUri: string
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  /** May also change and delete streams. For maintenance by a person, never for a service. */
  readonly maintenance?: boolean
}

/**
 * What nobody may do at run time: unmake what was announced, or change how it is kept.
 *
 * `deny_delete` and `deny_purge` of a stream do not stop the deletion of the stream itself; this does.
 */
export const DENIED = [
  '$JS.API.STREAM.DELETE.>',
  '$JS.API.STREAM.PURGE.>',
  '$JS.API.STREAM.UPDATE.>',
  '$JS.API.STREAM.MSG.DELETE.>',
  '$JS.API.STREAM.RESTORE.>',
  '$JS.API.STREAM.SNAPSHOT.>',
  '$JS.API.ACCOUNT.PURGE.>',
] as const

/** The users of one platform's account: its services, and the operator who looks after the streams. */
export function natsUsers(trustDomain: string): NatsUser[] {
  const services = BUS_SERVICES.map((service) => ({
    spiffeUri: `spiffe://${trustDomain}/service/${service}`,
    publish: publishedBy(service),
    subscribe: [`${inboxPrefix(service)}.>`],
  }))
  const operator = {
    spiffeUri: `spiffe://${trustDomain}/operator/admin`,
    publish: ['$JS.API.>'],
    subscribe: ['_INBOX.>', 'fed.>', '$JS.EVENT.>'],
    maintenance: true,
  }
  return [...services, operator]
}

/** Where a service receives answers. Its own: under the common `_INBOX` each could read the answers to all others. */
export function inboxPrefix(service: string): string {
  return `_INBOX.${service}`
}

/** Its own subjects, the JetStream calls that serve them, and for each stream it hears the calls of a consumer. */
export function publishedBy(service: string): string[] {
  const own = Object.entries(STREAMS).flatMap(([name, { source }]) => (source === service ? [name as StreamName] : []))
  const hears = Object.entries(HEARS[service] ?? {})
  return [
    ...own.flatMap((stream) => [...subjectsOf(stream), `$JS.API.STREAM.CREATE.${stream}`]),
    '$JS.API.INFO',
    '$JS.API.STREAM.NAMES',
    ...[...own, ...hears.map(([stream]) => stream)].map((stream) => `$JS.API.STREAM.INFO.${stream}`),
    ...own.map((stream) => `$JS.API.STREAM.MSG.GET.${stream}`),
    ...(service === WORM.source ? writesOnce : []),
    ...hears.flatMap(([stream, consumers]) => consumers.flatMap((consumer) => consumerCalls(`${stream}.${consumer}`))),
  ]
}

/** Adding to the ledger's stream, and looking up what is there: no call that would make, find or empty a consumer. */
const writesOnce: readonly string[] = [
  ...WORM.subjects,
  ...['CREATE', 'INFO', 'MSG.GET'].map((call) => `$JS.API.STREAM.${call}.${WORM.stream}`),
]

/** Making and finding a consumer, asking for its messages, and acknowledging them. */
function consumerCalls(consumer: string): string[] {
  return [
    `$JS.API.CONSUMER.CREATE.${consumer}`,
    `$JS.API.CONSUMER.CREATE.${consumer}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${consumer}`,
    `$JS.API.CONSUMER.INFO.${consumer}`,
    `$JS.API.CONSUMER.MSG.NEXT.${consumer}`,
    `$JS.ACK.${consumer}.>`,
  ]
}
