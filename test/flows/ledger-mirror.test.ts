import { randomUUID } from 'node:crypto'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Client } from '@connectrpc/connect'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { ReconcileResponse } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { checkProof, openNote, parseCheckpoint, parseVkey } from '@powernode/tlog'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { federate, TestPlatform } from '../mesh.ts'

let a: TestPlatform
let b: TestPlatform
let onA: string
let onB: string
/** What operators of B ask of A, over the border. */
let askA: Client<typeof FederationService>
const toA = () => ({ headers: { 'powernode-peer-id': onB } })
/** What A answers, once both gateways have heard their own registry, for which a busy machine may need a moment. */
const answered = <Answer>(ask: () => Promise<Answer>) => eventually(ask, () => true)

beforeAll(async () => {
  ;[a, b] = await Promise.all([TestPlatform.start('a'), TestPlatform.start('b')])
  ;({ onA, onB } = await federate(a, b))
  askA = createClient(FederationService, b.transport('federation-gateway'))
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

const statusOf = async (platform: TestPlatform, log: string) => (await platform.ledger.listLogs({ log })).logs[0]

/** All that each side has written down about the other is held by the other. */
async function mirrored(): Promise<void> {
  await eventually(async () => {
    const [ours, theirs] = [await statusOf(a, onA), await statusOf(b, onB)]
    expect(ours?.size).toBeGreaterThan(0n)
    expect(theirs?.size).toBeGreaterThan(0n)
    expect(ours?.mirroredSize).toBe(ours?.size)
    expect(theirs?.mirroredSize).toBe(theirs?.size)
    expect(theirs?.heldSize).toBe(ours?.size)
    expect(ours?.heldSize).toBe(theirs?.size)
    return true
  }, Boolean)
}

const gatewayOf = (platform: TestPlatform) =>
  createClient(AuditLedgerService, platform.transport('audit-ledger', 'federation-gateway'))

/** A call of B's to A, as the gateway of one side writes it down. */
async function told(
  platform: TestPlatform,
  said: { log: string; direction: 'in' | 'out'; contentId: string; resource?: string; action?: string },
): Promise<string> {
  const id = randomUUID()
  const at = timestampFromDate(new Date(Date.now() - 3_600_000))
  const entry = {
    id,
    decisionId: id,
    at,
    action: 'federation.call.allowed',
    actor: 'platform',
    resource: 'NodeModule/m1',
  }
  const payload = Buffer.from('{"detail":"for us alone"}')
  await gatewayOf(platform).append({ entries: [{ ...entry, payload, ...said }] })
  return id
}
const both = async (contentId: string) => {
  await told(b, { log: onB, direction: 'out', contentId })
  return told(a, { log: onA, direction: 'in', contentId })
}

async function reconciled(platform: TestPlatform, peerId: string) {
  const said: ReconcileResponse[] = []
  for await (const message of platform.ledger.reconcile({ peerId })) said.push(message)
  return { summary: said.at(-1)?.summary, differences: said.flatMap(({ differences }) => differences) }
}

test('each platform holds what the other wrote down about it, and both can show that they tell the same', async () => {
  for (const n of [1, 2, 3]) await both(`call-${n}`)
  await mirrored()
  expect((await reconciled(a, onA)).summary).toMatchObject({ matched: 3n, missingHere: 0n, missingThere: 0n })
  expect((await reconciled(b, onB)).summary).toMatchObject({ matched: 3n, missingHere: 0n, missingThere: 0n })
})

test('a call that one side did not write down, or otherwise, is named on both sides by its place', async () => {
  await told(b, { log: onB, direction: 'out', contentId: 'only-b' })
  await told(b, { log: onB, direction: 'out', contentId: 'odd', resource: 'NodeModule/m2' })
  await told(a, { log: onA, direction: 'in', contentId: 'odd' })
  await mirrored()
  const [atA, atB] = [await reconciled(a, onA), await reconciled(b, onB)]
  const kinds = ({ differences }: typeof atA) => differences.map(({ kind, contentId }) => `${kind} ${contentId}`)
  expect(kinds(atA)).toEqual(['differing odd', 'missing_here only-b'])
  expect(kinds(atB)).toEqual(['differing odd', 'missing_there only-b'])
  const [, missing] = atB.differences
  const { entry } = await b.ledger.getEntry({ log: onB, sequence: missing?.sequence ?? 0n })
  expect(entry?.contentId).toBe('only-b')
  expect(atA.differences[1]?.remoteSequence).toBe(missing?.sequence)
})

test('a peer reads what was written down about it, without a grant, under a signed checkpoint', async () => {
  const { entries, count, checkpoint, peerId } = await answered(() => askA.listAuditExcerpts({}, toA()))
  expect(peerId).toBe(onA)
  expect(entries).toHaveLength(count)
  const { logs } = await a.ledger.getLedgerKeys({})
  const verifier = parseVkey(logs.find(({ log }) => log === onA)?.vkey ?? '')
  const { size } = parseCheckpoint(openNote(checkpoint, [verifier]).body)
  expect(Number(entries.at(-1)?.sequence)).toBeLessThan(size)
  const texts = entries.map(({ payload }) => Buffer.from(payload).toString()).join()
  expect(texts, 'what was not disclosed stays with A').not.toContain('for us alone')
  const some = await answered(() => askA.listAuditExcerpts({ limit: 2 }, toA()))
  const rest = await answered(() => askA.listAuditExcerpts({ start: some.nextStart, limit: 2 }, toA()))
  expect([...some.entries, ...rest.entries].map(({ sequence }) => sequence)).toEqual(
    entries.slice(0, 4).map(({ sequence }) => sequence),
  )
})

test('a peer gets the proof that a call of its own was written down, and of nobody else’s', async () => {
  const decisionId = await both('proven')
  const { proof, leaf } = await answered(() => askA.getReceipt({ decisionId }, toA()))
  const { logs } = await a.ledger.getLedgerKeys({})
  const verifier = parseVkey(logs.find(({ log }) => log === onA)?.vkey ?? '')
  expect(() => checkProof(proof, leaf, [verifier])).not.toThrow()
  expect(Buffer.from(leaf).toString()).toContain(decisionId)
  await answered(async () => {
    const refused = await expectRefusal(askA.getReceipt({ decisionId: randomUUID() }, toA()), 'PEER_REFUSED')
    expect(refused.metadata['peer_reason']).toBe('ENTRY_NOT_FOUND')
  })
})
