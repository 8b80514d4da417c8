import { dirname, join, normalize } from 'node:path/posix'
import type { Place, Room } from './rooms.ts'
import { placeOf } from './rooms.ts'

/** An import that the tree forbids, and why. */
type Zone = {
  readonly name: string
  /** Where the zone holds. */
  readonly from: (place: Place, path: string) => boolean
  /** What may not be imported there: a package name, or a path from the top of the project. */
  readonly what: (target: string) => boolean
  readonly why: string
}

const among =
  (...rooms: Room[]) =>
  ({ room, isTest }: Place): boolean =>
    !isTest && rooms.includes(room)
const named =
  (...names: string[]) =>
  (target: string): boolean =>
    names.some((name) => target === name || target.startsWith(`${name}/`))
const room =
  (...rooms: Room[]) =>
  (target: string): boolean =>
    target.startsWith('services/') && rooms.includes(placeOf(target).room)
const either =
  (...some: ((target: string) => boolean)[]) =>
  (target: string): boolean =>
    some.some((is) => is(target))
const ownedBut =
  (...owners: string[]) =>
  ({ owner, room: where, isTest }: Place): boolean =>
    !isTest && !['test', 'deploy'].includes(where) && !owners.includes(owner)

const SERVICES =
  /^@powernode\/(peer-registry|federation-gateway|liveness|audit-ledger|grant-authz|spawn-provisioner|sdwan-compiler|node-agent|fedctl)(\/|$)/
const WIRE = named('@connectrpc', '@grpc', 'node:http', 'node:http2', 'node:https', 'node:net', 'node:tls', 'node:dns')
const DATABASE = named('pg', 'kysely', '@powernode/postgres')

/** main ▸ service ▸ doors ▸ operations ▸ { store, events, nouns }; store ▸ nouns; nouns ▸ nothing. */
export const ZONES: readonly Zone[] = [
  {
    name: 'services meet in proto/',
    from: ({ room: where }) => !['deploy', 'test'].includes(where),
    what: (target) => SERVICES.test(target),
    why: 'Services never import services: they meet in proto/. Delete a folder, and only proto/, deploy/ and test/ may notice.',
  },
  {
    name: 'libs know no service',
    from: ({ room: where }) => where === 'lib',
    what: (target) => target.startsWith('services/'),
    why: 'A lib is used by services and knows none of them: take what it needs as an argument.',
  },
  {
    name: 'nothing imports main',
    from: ({ isTest, room: where }) => !isTest && !['test', 'deploy'].includes(where),
    what: room('main'),
    why: 'main.ts is the process, config in and exit code out: nothing imports it.',
  },
  {
    name: 'an operation cannot reach a door',
    from: among('operation'),
    what: room('door', 'service', 'config', 'service part'),
    why: 'An operation is verb(tx, now, said): the door calls it, never the other way. What it needs from config arrives in `said`.',
  },
  {
    name: 'an operation is given the moment',
    from: among('operation'),
    what: named('@powernode/clock', '@powernode/process'),
    why: 'An operation is given `now` and does not log: only doors and loops hold a clock or a logger.',
  },
  {
    name: 'an operation cannot reach the network',
    from: among('operation'),
    what: WIRE,
    why: 'Nothing remote is called inside a transaction: work that needs the network becomes a row, and a reconciler does it.',
  },
  {
    name: 'an operation holds no SQL',
    from: among('operation'),
    what: named('pg', 'kysely'),
    why: 'SQL lives in store/: an operation tells the story (claim, decide, save, announce).',
  },
  {
    name: 'the store knows rows and nouns',
    from: among('store'),
    what: either(
      room('door', 'service', 'config', 'operation', 'service part'),
      named('@powernode/clock', '@powernode/process'),
      WIRE,
    ),
    why: 'A store module is SQL and nothing else: `now` is a parameter, and nothing below calls up.',
  },
  {
    name: 'a noun is pure',
    from: among('noun'),
    what: either(
      room('door', 'service', 'config', 'operation', 'store', 'events', 'service part'),
      named('@powernode/clock', '@powernode/process', '@powernode/events', 'node:fs'),
      WIRE,
      DATABASE,
    ),
    why: 'A noun takes the noun and returns a new one: no I/O, no clock, no database. Nouns import nothing but nouns.',
  },
  {
    name: 'a door does not write SQL',
    from: among('door', 'service part', 'main', 'config'),
    what: named('pg'),
    why: 'SQL lives in store/, libs/events and migrations/; connections are opened by @powernode/postgres.',
  },
  {
    name: 'NATS is a word of libs/events',
    from: ownedBut('libs/events'),
    what: either(named('nats'), (target) => target.startsWith('@nats-io/')),
    why: 'libs/events is the only code that says NATS: publish with append(), listen with a Subscription.',
  },
  {
    name: 'pg is opened in libs/postgres',
    from: ownedBut('libs/postgres'),
    what: named('pg'),
    why: 'libs/postgres opens connections, so that search_path, limits and retries are the same everywhere.',
  },
  {
    name: 'logging and metrics go through libs/process',
    from: ownedBut('libs/process'),
    what: named('pino', 'prom-client'),
    why: 'libs/process has the typed field names and redacts secrets: use createLogger and createMetrics.',
  },
  {
    name: 'certificates are made in libs/identity',
    from: ownedBut('libs/identity'),
    what: named('@peculiar/x509', 'reflect-metadata'),
    why: 'libs/identity alone makes and judges certificates: one profile, one place to review.',
  },
  {
    name: 'production code imports no test code',
    from: ({ isTest, room: where }, path) => !isTest && !['test', 'deploy'].includes(where) && !path.endsWith('.mjs'),
    what: (target) =>
      /^(vitest|fast-check)(\/|$)/.test(target) || /(^@powernode\/.*\/testing$|\/testing(\.ts|\/))/.test(target),
    why: 'Test-only code in src/, or test libraries imported by it, ends up in production: keep it in *.test.ts or testing.ts.',
  },
  {
    name: 'production code does not start the laboratory',
    from: ({ room: where }) => !['test', 'deploy'].includes(where),
    what: either(named('@powernode/dev', '@powernode/test'), (target) => /^(deploy|test)\//.test(target)),
    why: 'deploy/ and test/ look at services and libs; nothing looks back.',
  },
]

/** The zones that an import line breaks. */
export function brokenZones(path: string, specifier: string): Zone[] {
  const place = placeOf(path)
  const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier
  const isOwn = specifier.startsWith('.') && placeOf(target).owner === place.owner
  const broken = ZONES.filter((zone) => zone.from(place, path) && zone.what(target))
  if (specifier.startsWith('.') && !isOwn && !['test', 'deploy'].includes(place.room)) broken.push(OTHER_FOLDER)
  return broken
}

const OTHER_FOLDER: Zone = {
  name: 'by name, not by path',
  from: () => true,
  what: () => true,
  why: 'A service never imports another, and a lib is imported by its name (@powernode/…): a path would tie the folders together.',
}
