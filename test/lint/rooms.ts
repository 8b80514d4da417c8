/** Which room of the house a file is: where it lies says what it may do. */
export type Room =
  | 'main'
  | 'config'
  | 'service'
  | 'door'
  | 'operation'
  | 'store'
  | 'events'
  | 'noun'
  | 'service part'
  | 'lib'
  | 'fedctl'
  | 'deploy'
  | 'test'

export type Place = {
  readonly room: Room
  /** The service, lib or top folder the file belongs to: peer-registry, libs/clock, deploy. */
  readonly owner: string
  /** Tests may reach further than what they test. */
  readonly isTest: boolean
}

const BY_FILE: Readonly<Record<string, Room>> = {
  'main.ts': 'main',
  // A second process of a service.
  'main-network.ts': 'main',
  'main-take-over.ts': 'main',
  // Run once, before the first start: makes what main then finds.
  'init.ts': 'main',
  'config.ts': 'config',
  'service.ts': 'service',
  'rpc.ts': 'door',
  'subscriptions.ts': 'door',
  'sweeps.ts': 'door',
  'events.ts': 'events',
}

const BY_FOLDER: Readonly<Record<string, Room>> = {
  rpc: 'door',
  doors: 'door',
  subscriptions: 'door',
  sweeps: 'door',
  operations: 'operation',
  store: 'store',
  events: 'events',
  nouns: 'noun',
  // What governance finds, out of evidence that was read.
  findings: 'noun',
  // What a review comes to, out of evidence that was read.
  'review-lists': 'noun',
  // What peerings were worth, counted out of what was seen.
  figures: 'noun',
  // What to do about a peer that is silent: decided out of inputs, so that it can be decided again.
  remediation: 'noun',
  // The pure parts of sdwan-compiler: what is wanted, where there is room, what follows, and what that means.
  intent: 'noun',
  allocate: 'noun',
  compile: 'noun',
  model: 'noun',
}

/** Services with a schema: what lies beside their doors is a noun. The others have parts of their own. */
const KEEPERS: readonly string[] = [
  'peer-registry',
  'grant-authz',
  'audit-ledger',
  'liveness',
  'spawn-provisioner',
  'sdwan-compiler',
]

/** Pure files of a keeper are nouns; those that talk, loop or hold sockets are listed here, each with what it is. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  // Ourselves: the platform's row joined with what the configuration says.
  'peer-registry': ['us.ts'],
  // The types of what every part is handed.
  'spawn-provisioner': ['spawn-deps.ts'],
  'sdwan-compiler': ['sdwan-deps.ts'],
}

export function placeOf(path: string): Place {
  const parts = path.split('/')
  const isTest = path.endsWith('.test.ts') || /\/(testing\.ts$|testing\/|test\/)/.test(path)
  const [top = '', name = '', , ...inside] = parts
  if (top === 'libs') return { room: 'lib', owner: `libs/${name}`, isTest }
  if (top !== 'services') return { room: top === 'deploy' ? 'deploy' : 'test', owner: top, isTest }
  if (name === 'fedctl') return { room: 'fedctl', owner: name, isTest }
  const [first = '', ...deeper] = inside
  const room = deeper.length > 0 ? BY_FOLDER[first] : BY_FILE[first]
  if (room) return { room, owner: name, isTest }
  const isNoun = KEEPERS.includes(name) && deeper.length === 0 && !PARTS[name]?.includes(first)
  return { room: isNoun ? 'noun' : 'service part', owner: name, isTest }
}
