import { isDeepStrictEqual } from 'node:util'
import { elapsed } from '@powernode/process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { PATIENT, TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'
import { diagnosis, said } from './runbook.ts'

type Finding = {
  id: string
  kind: string
  severity: string
  peer_id: string
  message: string
  remedy: string
  waiting_on: string
  acknowledged_by?: string
  missing_since?: string
}
type Listed = { findings: Finding[]; scanned_at: string | null; unread: string[] }
type Commitments = {
  commitments: { number: number; result: string; peer_ids?: string[]; detail?: string }[]
  contract_version: number
  contract_sha256: string
}

let a: TestPlatform
let b: TestPlatform
let onA: string

/** B has our prefix, names an extension of which it says nothing, calls its release by another version, and keeps its place to itself. */
const ASTRAY = {
  PREFIX_ADVERTISEMENT: 'fdaa:1:1::/48',
  EXTENSION_SLUGS: 'gpu',
  DISCLOSURE_RELEASE_TAG: 'v9.9.9',
}
const UPRIGHT = {
  PREFIX_ADVERTISEMENT: 'fdbb:1:1::/48',
  CAPABILITIES: '{"gpu":{"cards":8}}',
  DISCLOSURE_RELEASE_TAG: '',
  DATA_RESIDENCY: 'eu-west-1',
}

beforeAll(async () => {
  const registry = PATIENT
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry: { ...registry, PREFIX_ADVERTISEMENT: 'fdaa:1:1::/48', DATA_RESIDENCY: 'eu' } }),
    TestPlatform.start('b', { registry: { ...registry, ...ASTRAY } }),
  ])
  await becomePeers(a, b)
  onA = (await typeJson<{ id: string }>(a, 'peer show b')).id
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

const scan = () => typeJson<Listed>(a, 'finding scan')
/** Those that are found. One that came back stays open for an hour after it was seen last. */
const kinds = ({ findings }: Listed) =>
  findings.flatMap(({ kind, severity, missing_since }) => (missing_since === undefined ? [`${kind} ${severity}`] : []))
/** What a look finds, and who did not answer it, once it is so. */
const untilFound = (...wanted: readonly string[]) =>
  eventually(scan, (seen) => isDeepStrictEqual([kinds(seen), seen.unread], [wanted, []]))
const standing = async (number: number) => {
  const { commitments } = await typeJson<Commitments>(a, 'commitment list')
  return commitments.find((one) => one.number === number)
}

test('what is wrong with a peering is found, the gravest first, each with who has to act and what mends it', async () => {
  const found = await untilFound(
    'prefix_overlap_with_install critical',
    'peer_capability_drift medium',
    'peer_residency_missing low',
  )
  expect(new Set(found.findings.map(({ peer_id }) => peer_id))).toEqual(new Set([onA]))
  const { exit, out } = await type(a, 'finding list')
  expect(exit).toBe(3) // somebody should look
  expect(out).toMatch(/critical +prefix_overlap_with_install +b .*our own fdaa:1:1::\/48/)
  expect(out).toMatch(/next {2}fedctl --context \S+ finding show/)
  const open = said(await diagnosis(a, onA), 'governance.findings')
  expect(open, 'and the doctor says the gravest first').toMatchObject({
    symptom: 'finding_open',
    summary: expect.stringContaining('prefix_overlap_with_install (critical)'),
  })
})

test('each commitment says what is checked, whether it is kept, and with whom it is not', async () => {
  const { commitments, contract_version, contract_sha256 } = await typeJson<Commitments>(a, 'commitment list')
  const { contractSha256 } = await a.peers.getPlatform({})
  expect([contract_version, contract_sha256]).toEqual([1, contractSha256])
  expect(Object.fromEntries(commitments.map(({ number, result }) => [number, result]))).toEqual({ 1: 'kept', 2: 'not_checkable', 3: 'broken', 4: 'kept', 5: 'kept', 6: 'broken', 7: 'not_checkable', 8: 'kept', 9: 'kept', 10: 'kept', 11: 'kept', 12: 'broken' }) // prettier-ignore
  expect(await standing(12)).toMatchObject({ peer_ids: [onA], detail: expect.stringContaining('v9.9.9') })
  const { out, exit } = await type(a, 'commitment list --peer b')
  expect(exit).toBe(3)
  expect(out).toMatch(/6 +no undermining +broken/)
})

test('somebody says that he has seen it; a rehearsal says nothing to anybody', async () => {
  const { findings } = await typeJson<Listed>(a, 'finding list --kind prefix_overlap_with_install')
  const [{ id } = { id: '' }] = findings
  await typeJson(a, ['finding', 'ack', id, '--note', 'they renumber today', '--dry-run'])
  expect(kinds(await typeJson<Listed>(a, 'finding list --new'))).toContain('prefix_overlap_with_install critical')
  await typeJson(a, ['finding', 'ack', id.slice(-8), '--note', 'they renumber today'])
  expect(kinds(await typeJson<Listed>(a, 'finding list --new'))).not.toContain('prefix_overlap_with_install critical')
  expect((await type(a, ['finding', 'show', id])).out).toMatch(/seen by +operator\/admin .*they renumber today/)
  expect(await typeRefused(a, ['finding', 'ack', '00000000', '--note', 'x'])).toMatchObject({ exit: 2 })
})

test('when the peer mends it, the findings close by themselves, and its ledger has the story', async () => {
  await b.restart('peer-registry', UPRIGHT)
  await untilFound()
  expect((await type(a, 'finding list')).exit).toBe(0)
  expect(await standing(6)).toMatchObject({ result: 'kept' })
  expect(await standing(3)).toMatchObject({ result: 'kept' })
  const closed = await typeJson<Listed>(a, 'finding list --all --peer b')
  expect(kinds(closed)).toHaveLength(3)
  const actions = await a.ledgerOf(onA, 'federation.finding.closed')
  expect(actions).toEqual(
    expect.arrayContaining(['federation.finding.opened', 'federation.finding.acknowledged', 'federation.finding.closed']), // prettier-ignore
  )
})

test('a service that is away is named, what follows from it stays as it was, and the rest goes on', async () => {
  await whileAway('grant-authz', async () => {
    await b.restart('peer-registry', UPRIGHT)
    const wanted = [['peer_residency_missing low'], ['grant-authz']]
    await eventually(scan, (seen) => isDeepStrictEqual([kinds(seen), seen.unread], wanted), KNOWN_MS)
    expect((await type(a, 'finding list')).out).toContain('not all could be looked at: grant-authz did not answer')
    expect(await standing(8)).toMatchObject({ result: 'unknown' })
  })
  await untilFound()
  const { out, exit } = await type(a, 'finding list')
  expect(out, 'what came back is not forgotten at once').toMatch(/peer_capability_drift +b .*nobody: not found since/)
  expect(exit, 'and nobody has to look').toBe(0)
})

/** How long operators are known to liveness while grant-authz is away, which has told who they are. */
const KNOWN_MS = 30_000

/** Tells a story of B, which is astray when it begins; again, where the machine took longer for it than operators are known. */
async function whileAway(service: 'grant-authz', story: () => Promise<void>): Promise<void> {
  for (let left = 5; ; left--) {
    await b.restart('peer-registry', { DATA_RESIDENCY: '', CAPABILITIES: '{}' })
    await untilFound('peer_capability_drift medium', 'peer_residency_missing low')
    await a.platform.parts[service].pause()
    const awayMs = elapsed()
    try {
      return await story()
    } catch (error) {
      const tookTooLong = awayMs() > KNOWN_MS / 2 || String(error).includes('POLICY_STALE')
      if (left === 0 || !tookTooLong) throw error
    } finally {
      await a.platform.parts[service].resume()
    }
  }
}
