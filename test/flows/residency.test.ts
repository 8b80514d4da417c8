import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

type Shown = {
  readonly residencies: readonly { declared: string; located: string; data_residency: string; mode: string }[]
}
type Why = { readonly explanation: { readonly next: string[] } }
type Overrides = { readonly overrides: readonly { id: string; status: string; decision_id: string }[] }
type Tried = {
  readonly would_be_refused: number
  readonly would_be_allowed: number
  readonly changed: { id: string }[]
}

const ID = expect.stringMatching(/^[0-9a-f-]{36}$/)
const GET = 'resource show NodeModule ntp --peer a --grant -'

let a: TestPlatform
let b: TestPlatform
let bearer: string
/** Of the first call that went through, and of the first that was refused. */
let went: string
let refused: string

beforeAll(async () => {
  // Where it is a peer says with its next beat; nobody falls silent here.
  const registry = { HEARTBEAT_INTERVAL: '2s', STALE_AFTER: '5m' }
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry }),
    TestPlatform.start('b', { registry: { ...registry, DATA_RESIDENCY: 'us-east-1' } }),
  ])
  await becomePeers(a, b)
  await typeJson(a, 'resource put NodeModule ntp --set name=ntp')
  const issued = await typeJson<{ bearer: string }>(a, 'grant create b --kind NodeModule --scope read')
  bearer = issued.bearer
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

const call = () => typeJson<{ decision_id: string }>(b, GET, { input: bearer })
const callRefused = async () => {
  const { metadata } = await typeRefused(b, GET, { input: bearer })
  expect(metadata).toMatchObject({ peer_reason: 'RESIDENCY_VIOLATION', decision_id: ID, remote_decision_id: ID })
  return metadata['remote_decision_id'] ?? ''
}
const declared = async () => (await typeJson<Shown>(a, 'residency show b')).residencies[0]?.declared ?? ''
const declares = async (region: string) => {
  await b.restart('peer-registry', { DATA_RESIDENCY: region })
  await expect.poll(declared).toBe(region)
}

test('without a tag, data goes where the peer is; it says where that is', async () => {
  went = (await call()).decision_id
  await expect.poll(declared).toBe('us-east-1')
})

test('with a tag it stays there: the very next call is refused, and why says by what', async () => {
  const { enforcement } = await typeJson<{ enforcement: { by: string } }>(a, 'residency set b eu --reason contract')
  expect(enforcement.by).toMatch(/acknowledged|lease/)
  refused = await callRefused()
  const { out } = await type(a, `why ${refused}`)
  expect(out).toMatch(/us-east-1[\s\S]*eu/)
})

test('a peer that declares itself elsewhere loosens nothing, and our ledger has it, once', async () => {
  await declares('ap-south-1')
  await callRefused()
  await declares('')
  await callRefused()
  await declares('EU')
  await callRefused()
  const { residencies } = await typeJson<Shown>(a, 'residency show b')
  expect(residencies).toMatchObject([{ data_residency: 'eu', mode: 'enforce', declared: 'EU', located: 'us-east-1' }])
  const { id } = await typeJson<{ id: string }>(a, 'peer show b')
  const news = async () =>
    (await a.ledger.listEntries({ log: id })).entries.filter(({ action }) => action === 'federation.residency.declared')
  await expect.poll(async () => (await news()).length).toBe(2)
  await declares('us-east-1')
})

test('an override lets one call through, and stands in the ledger with the decision that used it', async () => {
  await typeJson(a, 'residency override create b --kind NodeModule --id ntp --reason inspection')
  const used = (await call()).decision_id
  await callRefused()
  const { overrides } = await typeJson<Overrides>(a, 'residency override list --peer b')
  expect(overrides).toMatchObject([{ status: 'used', decision_id: ID }])
  expect((await type(a, `why ${overrides[0]?.decision_id ?? ''}`)).out).toContain('override')
  expect(used).toEqual(ID)
  const { id } = await typeJson<{ id: string }>(a, 'peer show b')
  const actions = await a.ledgerOf(id, 'federation.residency.override_used')
  expect(actions.filter((action) => action.startsWith('federation.residency.overrid') || action.startsWith('federation.residency.override'))).toEqual(['federation.residency.overridden', 'federation.residency.override_used']) // prettier-ignore
})

test('of two calls at once one uses it', async () => {
  await typeJson(a, 'residency override create b --kind NodeModule --reason inspection')
  const atOnce = () => Promise.all([1, 2, 3].map(() => type(b, [...GET.split(' '), '-o', 'json'], { input: bearer })))
  // All are turned away unused where a gateway, on a busy machine, knows too little for a moment.
  const outcomes = await eventually(atOnce, (all) => all.some(({ exit }) => exit === 0))
  expect(outcomes.filter(({ exit }) => exit === 0)).toHaveLength(1)
})

test('what if the peer were tagged otherwise: the calls of the past that would have ended in another way', async () => {
  const us = await typeJson<Tried>(a, 'residency what-if --peer b --tag us')
  expect(us.would_be_allowed).toBeGreaterThanOrEqual(3)
  expect(us.changed.map(({ id }) => id)).toContain(refused)
  const eu = await typeJson<Tried>(a, 'residency what-if --peer b --tag eu')
  expect([eu.would_be_refused, eu.would_be_allowed]).toEqual([1, 0])
  expect(eu.changed).toHaveLength(1)
  expect(went).toEqual(ID)
})

test('a peer that was refused for where it is cannot declare itself back in', async () => {
  await declares('eu-west-1')
  const decision = await callRefused()
  const { out } = await type(a, `why ${decision}`)
  expect(out).toMatch(/would go to "eu-west-1", but when the tag was set the peer said "us-east-1"/)
  const { explanation } = await typeJson<Why>(a, `why ${decision}`)
  const { id } = await typeJson<{ id: string }>(a, 'peer show b')
  expect(explanation.next).toContainEqual(expect.stringContaining(`fedctl residency set ${id} eu`))
  await typeRefused(a, 'residency set b EU') // what cannot be set accepts nothing
  await callRefused()
})

test('until an operator accepts the new place, by setting the tag again', async () => {
  const { residency } = await typeJson<{ residency: Shown['residencies'][0] }>(a, 'residency set b eu')
  expect(residency).toMatchObject({ data_residency: 'eu', located: 'eu-west-1' })
  await call()
  await declares('eu-central-1') // moved inside of the tag: both places are allowed
  await call()
  await declares('us-east-1')
  await callRefused()
  expect((await typeJson<Shown>(a, 'residency show b')).residencies[0]?.located).toBe('eu-west-1')
  expect((await type(a, 'residency show b')).out).toMatch(/SAYS OF ITSELF +SAID WHEN SET[\s\S]*us-east-1 +eu-west-1/)
})

test('taken away, the tag holds nothing back', async () => {
  await typeJson(a, 'residency set b --clear')
  await call()
})
