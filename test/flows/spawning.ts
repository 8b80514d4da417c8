import { spawn as launch } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { processesWith } from '@powernode/process'
import pg from 'pg'
import { plainChildView } from '../../services/fedctl/src/child-view.ts'
import { eventually, looks, PATIENCE_MS } from '../eventually.ts'
import { TestPlatform, type MeshOptions } from '../mesh.ts'
import { typeJson, type Keyboard } from './operator-at-keyboard.ts'

/** A child as `fedctl child show -o json` prints it, as far as flows look at it. */
export type ChildJson = {
  readonly id: string
  readonly hostname: string
  readonly state: string
  readonly reason: string
  readonly waiting_on: string
  readonly next: string
  readonly peer_id: string
  readonly steps: readonly StepJson[]
  readonly instance: { readonly id: string; readonly state: string; readonly progress: string } | null
  readonly grants_received: readonly { readonly id: string; readonly resource_kind: string }[]
  readonly cluster_member?: MemberJson
}
export type StepJson = { readonly name: string; readonly status: string; readonly detail: string }
type MemberJson = { readonly slot_name: string; readonly role_name: string; readonly state: string; readonly redis_status: string } // prettier-ignore
type Spawned = { readonly child: Omit<ChildJson, 'instance'>; readonly acceptance_token: string }

/** A platform that can make children as processes of this machine. They end when it is stopped, or with this process. */
export async function parentPlatform(
  name: string,
  options: MeshOptions = {},
  spawning: Readonly<Record<string, string>> = {},
): Promise<TestPlatform> {
  // What they watch: it ends with its input, which this process holds, however this process ends.
  const leash = launch('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  const own = { ENDS_WITH_PID: String(leash.pid), ...spawning }
  const started = TestPlatform.start(name, { ...options, env: { ...options.env, 'spawn-provisioner': own } })
  started.catch(() => leash.kill())
  const parent = await started
  const stop = parent.stop.bind(parent)
  parent.stop = async (how) => {
    const machines = () => Promise.resolve([...processesWith(join(parent.platform.dir, 'data', 'spawn-provisioner'))])
    try {
      await parent.platform.parts['spawn-provisioner'].pause() // it would start some again, which nothing ends then
      leash.kill()
      await eventually(machines, (left) => left.length === 0) // before their files are removed
    } finally {
      await stop(how)
    }
  }
  await typeJson(parent, 'provider create here --kind process --region local --type small=1,1GiB,8GiB')
  await typeJson(parent, ['template', 'create', 'default', '--description', 'a whole platform'])
  return parent
}

/** Asks for a child and returns at once. */
export const spawn = (parent: TestPlatform, hostname: string, mode: string, ...more: string[]): Promise<Spawned> =>
  typeJson(parent, ['child', 'spawn', hostname, '--mode', mode, ...more])

export const childOf = (parent: TestPlatform, hostname: string): Promise<ChildJson> =>
  typeJson(parent, ['child', 'show', hostname])

/**
 * The same over connections that are kept. fedctl makes three new ones for each look, which is most of what a machine does that
 * makes a child while somebody waits for it.
 */
async function lookAt({ spawning, grants }: TestPlatform, hostname: string): Promise<ChildJson> {
  const { child, instance, peer } = await spawning.getChild({ child: hostname })
  if (!child) throw new Error(`an answer without ${hostname}`)
  const given = child.peerId === '' ? [] : (await grants.listReceivedGrants({ peerId: child.peerId })).grants
  const received = given.filter(({ status }) => status === 'active')
  return plainChildView({ child, instance, peer, received, unavailable: [] }) as unknown as ChildJson // as it is printed
}

/** The child, once `met` says yes. Waits on a state, however long a busy machine takes. */
export async function untilChild(
  parent: TestPlatform,
  hostname: string,
  met: (child: ChildJson) => boolean,
  timeoutMs = 240_000,
): Promise<ChildJson> {
  let last: ChildJson | undefined
  let unanswered = ''
  for await (const _ of looks(timeoutMs)) {
    last = await lookAt(parent, hostname).catch((error: Error) => {
      unanswered = error.message // it may be starting again
      return last
    })
    if (last && met(last)) return last
  }
  throw new Error(`${hostname} is ${last?.state}: ${last?.reason}; ${JSON.stringify(last?.steps)} ${unanswered}`)
}

export const isActive = ({ state }: ChildJson): boolean => state === 'active'
export const isGone = ({ state }: ChildJson): boolean => state === 'gone'

/** Where the machine of a child lies. */
export function machineOf({ platform }: TestPlatform, { instance }: Pick<ChildJson, 'instance'>): string {
  const [dir] = globSync(`data/spawn-provisioner/**/${instance?.id}`, { cwd: platform.dir })
  if (!dir) throw new Error(`no machine ${instance?.id} below ${platform.dir}`)
  return join(platform.dir, dir)
}

/** The child as its own operators sit at it. */
export const keyboardOf = (parent: TestPlatform, child: ChildJson): Keyboard => ({
  platform: { fedctlContext: join(machineOf(parent, child), 'platform', 'fedctl.json') },
})

/** What there is of children on this machine, in the parent's database and at its Postgres: nothing, on a clean slate. */
export type Slate = {
  readonly machines: readonly string[]
  readonly processes: readonly number[]
  readonly slots: readonly string[]
  readonly roles: readonly string[]
  /** Peers that are not revoked, and invitations that are open. */
  readonly peers: readonly string[]
  readonly invitations: readonly string[]
  readonly living: readonly string[]
  readonly instances: readonly string[]
  readonly orphans: readonly string[]
}

export const CLEAN: Slate = {
  machines: [],
  processes: [],
  slots: [],
  roles: [],
  peers: [],
  invitations: [],
  living: [],
  instances: [],
  orphans: [],
}

/** Looks at everything by itself: files, the process table, the tables of both services, Postgres' own catalogues. */
export async function slateOf(parent: TestPlatform): Promise<Slate> {
  const { platform } = parent
  const machines = globSync('data/spawn-provisioner/**/instance.json', { cwd: platform.dir })
  const server = new pg.Client({ connectionString: platform.postgresUrl })
  const tables = new pg.Client({ connectionString: platform.postgresUrl.replace(/\/postgres$/, '/powernode') })
  await Promise.all([server.connect(), tables.connect()])
  const names = async (client: pg.Client, sql: string): Promise<string[]> =>
    (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name)
  try {
    return {
      machines,
      processes: [...processesWith(join(platform.dir, 'data', 'spawn-provisioner'))],
      slots: await names(
        server,
        "select slot_name as name from pg_replication_slots where slot_name ~ '^powernode_repl'",
      ),
      roles: await names(server, "select rolname as name from pg_roles where rolname ~ '^powernode_repl_'"),
      peers: await names(tables, "select id::text as name from peer_registry.peer where state <> 'revoked'"),
      invitations: await names(
        tables,
        'select id::text as name from peer_registry.invitation where redeemed_at is null and revoked_at is null',
      ),
      living: await names(tables, "select hostname as name from spawn_provisioner.child where state <> 'gone'"),
      instances: await names(tables, "select hostname as name from spawn_provisioner.instance where state <> 'gone'"),
      orphans: await names(tables, 'select name from spawn_provisioner.orphan'),
    }
  } finally {
    await Promise.all([server.end(), tables.end()])
  }
}

/** The kinds of the events of children, oldest first, once `last` is among them. */
export async function spawnEvents(parent: TestPlatform, last: string): Promise<string[]> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  let kinds: string[] = []
  while (!giveUp.aborted) {
    const { events } = await parent.ledger.recentEvents({ kindPrefix: 'federation.spawn.', limit: 500 })
    kinds = events.map(({ kind }) => kind.replace('federation.spawn.', '')).toReversed()
    if (kinds.includes(last)) return kinds
    await systemClock.sleep(50, giveUp)
  }
  throw new Error(`there was no federation.spawn.${last}: ${kinds.join(', ')}`)
}
