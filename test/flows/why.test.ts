import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, toJson, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { Caller } from '@powernode/federation-gateway/testing'
import { decide } from '@powernode/policy'
import { aPolicy, SITUATIONS, type Situation } from '@powernode/policy/testing'
import type { NewEntrySchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { createClient, refusalOf } from '@powernode/rpc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { itIsLater } from '../later.ts'
import { PATIENT, TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

/**
 * Whatever is refused, an operator of either side can find out why: each refusal of the table of libs/policy is made
 * happen between two real platforms, and `fedctl why` is asked on both.
 */
type Why = {
  readonly decision: { readonly id: string; readonly reason: string; readonly axis: string; readonly direction: string }
  readonly explanation: {
    readonly asked: string
    readonly outcome: string
    readonly because: string
    readonly says: string
    readonly next: readonly string[]
    readonly ask_them: readonly string[]
  }
}
type Issued = { readonly grant: { readonly id: string }; readonly bearer: string }

let a: TestPlatform
let b: TestPlatform
/** A's id of B, and B's of A. */
let onA: string
let onB: string
beforeAll(async () => {
  const options = { registry: PATIENT } // it becomes later by a minute at once, and nobody is silent for that
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', options),
    TestPlatform.start('b', { registry: { ...options.registry, DATA_RESIDENCY: 'eu-west-1' } }),
  ])
  await becomePeers(a, b)
  onA = (await typeJson<{ id: string }>(a, 'peer show b')).id
  onB = (await typeJson<{ id: string }>(b, 'peer show a')).id
  for (const id of ['module-1', 'module-2']) await typeJson(a, `resource put NodeModule ${id} --set name=${id}`)
})
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()])
})

let subject = 0
/** A grant of A's to B, each for a subject of its own. */
const give = (what: string, to = 'b'): Promise<Issued> =>
  typeJson<Issued>(a, ['grant', 'create', to, '--subject', `s-${++subject}`, ...what.split(' ')])

const READ = '--kind NodeModule --id module-1 --scope read'
const LIST = 'resource list --peer a --kind NodeModule --grant -'
const SHOW = 'resource show NodeModule module-1 --peer a --grant -'

/** The ids of both decisions about a call of B's that was refused. */
type Refused = { readonly here: string; readonly there: string }

/** B's operator types a call that A is to refuse. */
async function call(line: string, bearer: string): Promise<Refused> {
  const { metadata } = await typeRefused(b, line, { input: bearer })
  return { here: metadata['decision_id'] ?? '', there: metadata['remote_decision_id'] ?? '' }
}

/** B's gateway, beside itself: calls A's door with what no gateway of ours would show. Only A writes that down. */
async function callDoor(headers: Readonly<Record<string, string>>): Promise<Refused> {
  const dir = identityDir(b.platform, 'federation-gateway')
  const [cert, key] = ['cert.pem', 'key.pem'].map((file) => readFileSync(join(dir, file), 'utf8'))
  const caller = new Caller(a.platform.ports.door, { cert: cert ?? '', key: key ?? '' }, 'b.example')
  try {
    const refusal = async () =>
      refusalOf((await caller.outcome(FederationService.method.listResources, { kind: 'NodeModule' }, headers)).error)
    // A door that has not heard its own registry for a second decides nothing.
    const decided = await eventually(refusal, (said) => said?.reason !== 'POLICY_STALE')
    return { here: '', there: decided?.metadata['decision_id'] ?? '' }
  } finally {
    caller.close()
  }
}

const altered = ({ bearer }: Issued) => `${bearer.slice(0, -2)}${bearer.at(-2) === 'A' ? 'E' : 'A'}${bearer.at(-1)}`

type Story = {
  /** Brings the refusal about. */
  readonly happen: () => Promise<Refused>
  /** What A's operator reads. */
  readonly because: RegExp
  /** What B's reads, who was told less; nothing where only A knows of the call. */
  readonly told?: RegExp
}

const INVALID = /cannot be told apart/

/** How each refusal comes about between two platforms. */
const STORIES: Readonly<Record<string, Story>> = {
  'GRANT_MISSING bearer': { happen: () => callDoor({}), because: /the call carried no bearer/ },
  'GRANT_UNKNOWN bearer': {
    happen: async () => call(SHOW, altered(await give(READ))),
    because: /secret is not the right one/,
    told: INVALID,
  },
  'GRANT_FOREIGN peer': {
    happen: async () => {
      await typeJson(a, 'peer propose https://c.example --name c --no-invitation')
      return call(SHOW, (await give(READ, 'c')).bearer)
    },
    because: /given to c, not to b/,
    told: INVALID,
  },
  'GRANT_NOT_BOUND identity': {
    happen: async () => call(SHOW, (await give(`${READ} --bind spiffe://b.example/service/liveness`)).bearer),
    because: /certificate they showed/,
    told: INVALID,
  },
  'GRANT_EXPIRED lifetime': {
    happen: async () => {
      const { grant, bearer } = await give(`${READ} --ttl 1m`)
      itIsLater({ clockMs: 60_000 })
      expect(await typeJson(a, `grant show ${grant.id}`)).toMatchObject({ grant: { status: 'expired' } })
      return call(SHOW, bearer)
    },
    because: /had run out/,
    told: INVALID,
  },
  'GRANT_REVOKED lifetime': {
    happen: async () => {
      const { grant, bearer } = await give(READ)
      await typeJson(a, ['grant', 'revoke', grant.id, '--reason', 'left the project'])
      return call(SHOW, bearer)
    },
    because: /had been revoked/,
    told: INVALID,
  },
  'SCOPE_MISMATCH kind': {
    happen: async () => call(SHOW, (await give('--kind Node --scope read')).bearer),
    because: /another kind of resource than NodeModule/,
    told: /\(kind\)/,
  },
  'SCOPE_MISMATCH id': {
    happen: async () => call('resource show NodeModule module-2 --peer a --grant -', (await give(READ)).bearer),
    because: /not for module-2/,
    told: /\(id\)/,
  },
  'SCOPE_MISMATCH scope': {
    happen: async () =>
      call('resource update NodeModule module-1 --peer a --set n=1 --grant -', (await give(READ)).bearer),
    because: /does not give write/,
    told: /\(scope\)/,
  },
  'SCOPE_MISMATCH instance': {
    happen: async () => call(`${SHOW} --node i-3`, (await give(`${READ} --node i-1`)).bearer),
    because: /not for node i-3/,
    told: /\(instance\)/,
  },
  'SCOPE_MISMATCH network': {
    happen: async () => call(SHOW, (await give(`${READ} --network net-1`)).bearer),
    because: /certain networks, and the call did not say/,
    told: /\(network\)/,
  },
  'SCOPE_MISMATCH bridge': {
    happen: async () => {
      await typeJson(a, 'bridge propose b net-2')
      return call(`${SHOW} --network net-2`, (await give(READ)).bearer)
    },
    because: /no active bridge between the peer and network net-2/,
    told: /\(bridge\)/,
  },
  'SCOPE_MISMATCH source': {
    happen: async () => call(SHOW, (await give(`${READ} --cidr 192.0.2.0/24`)).bearer),
    because: /not for calls from 127\.0\.0\.1/,
    told: /\(source\)/,
  },
  'KIND_UNKNOWN kind': {
    happen: async () =>
      call('resource list --peer a --kind Teapot --grant -', (await give('--kind Teapot --scope read')).bearer),
    because: /no service of ours serves Teapot/,
    told: /nobody over there serves Teapot/,
  },
  'RESIDENCY_VIOLATION residency': {
    happen: async () => {
      await typeJson(a, 'residency set b us')
      return call(LIST, (await give('--kind NodeModule --scope read')).bearer)
    },
    because: /would go to "eu-west-1"/,
    told: /their residency rules/,
  },
  'RESIDENCY_UNKNOWN residency': {
    happen: async () => {
      await typeJson(a, 'residency region remove eu-west-1')
      await typeJson(a, 'residency set b eu')
      return call(LIST, (await give('--kind NodeModule --scope read')).bearer)
    },
    because: /"eu-west-1", which is no known region/,
    told: /their residency rules/,
  },
}

const refusals = SITUATIONS.filter(({ reason }) => reason !== 'ALLOWED')
const pairOf = ({ reason, axis }: Situation) => `${reason} ${axis}`

test('the table holds no refusal without a story here', () => {
  expect([...new Set(refusals.map(pairOf))].toSorted()).toEqual(Object.keys(STORIES).toSorted())
})

describe('every row of the table, as the gateway writes it down', () => {
  function entryOf(said: MessageInitShape<typeof DecisionSchema>): MessageInitShape<typeof NewEntrySchema> {
    const decision = create(DecisionSchema, said)
    const { id, direction, at, peerId: log, remoteDecisionId: remoteId } = decision
    const payload = Buffer.from(JSON.stringify(toJson(DecisionSchema, decision, { useProtoFieldName: true })))
    return {
      id,
      log,
      action: 'federation.call.refused',
      direction,
      decisionId: id,
      remoteId,
      payload,
      ...(at && { at }),
    }
  }

  /** Has a platform's ledger hold a decision, as its gateway would. */
  async function record(platform: TestPlatform, decision: MessageInitShape<typeof DecisionSchema>): Promise<void> {
    const ledger = createClient(AuditLedgerService, platform.transport('audit-ledger', 'federation-gateway'))
    async function* batch() {
      yield { number: 1n, entries: [entryOf(decision)] }
    }
    for await (const { number } of ledger.appendStream(batch())) if (number === 1n) return
  }

  const idOf = (index: number, side: 1 | 2) => `019b76da-a800-7000-8000-${side}${String(index).padStart(11, '0')}`

  test.each(refusals.map((situation, index) => ({ ...situation, index })))('$name', async (situation) => {
    const { world, index, wire, reason, axis } = situation
    const { request } = world
    const verdict = decide(aPolicy(world.page), request, world.atMs)
    const [theirs, ours] = [idOf(index, 1), idOf(index, 2)]
    const asked = {
      at: timestampFromMs(systemClock.now().getTime()),
      allowed: false,
      resourceKind: request.kind,
      resourceId: request.id,
      scope: request.scope,
      nodeInstanceId: request.nodeInstanceId,
      sdwanNetworkId: request.sdwanNetworkId,
    }
    const { sourceAddress } = request
    const { detail, grantId } = verdict
    await record(a, {
      ...asked,
      id: theirs,
      direction: 'in',
      peerId: onA,
      reason,
      axis,
      detail,
      grantId,
      sourceAddress,
    })
    await record(b, {
      ...asked,
      id: ours,
      direction: 'out',
      peerId: onB,
      reason: wire ?? reason,
      axis: wire === 'SCOPE_MISMATCH' ? axis : '',
      remoteDecisionId: theirs,
    })

    const there = await type(a, `why ${theirs}`)
    expect([there.exit, there.err]).toEqual([0, ''])
    expect(there.out).toContain(`${reason}, axis ${axis}`)
    expect(there.out).toContain('refused by us')
    const here = await type(b, `why ${ours}`)
    expect(here.out).toContain('refused by them')
    expect(here.out).toContain(`fedctl why ${theirs}`)
    if (wire === 'GRANT_INVALID') expect(here.out).not.toContain(reason)
  })
})

describe('made happen between two platforms, and explained on both', () => {
  // Residency refuses whatever follows but what fails before it.
  const last = ['RESIDENCY_VIOLATION residency', 'RESIDENCY_UNKNOWN residency']
  const order = [...Object.keys(STORIES).filter((pair) => !last.includes(pair)), ...last]

  test.each(order)('%s', async (pair) => {
    const { happen, because, told } = STORIES[pair] as Story // of its keys
    const { here, there } = await happen()
    const theirs = await typeJson<Why>(a, `why ${there}`)
    expect(`${theirs.decision.reason} ${theirs.decision.axis}`).toBe(pair)
    expect(theirs.explanation).toMatchObject({
      because: expect.stringMatching(because),
      outcome: 'refused by us',
      asked: expect.stringMatching(/^b asked to/),
    })
    expect(theirs.explanation.next.length).toBeGreaterThan(0)
    if (!told) return
    const ours = await typeJson<Why>(b, `why ${here}`)
    expect(ours.explanation).toMatchObject({
      because: expect.stringMatching(told),
      outcome: 'refused by them',
      asked: expect.stringMatching(/^we asked a to/),
      ask_them: expect.arrayContaining([`fedctl why ${there}`]),
    })
    expect((await typeJson<Why>(b, `why ${there}`)).decision.id).toBe(here) // found by the other side's id too
  })
})
