import { until } from '@powernode/events/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

type Item = { subject: string; message: string; command: string }
type Review = {
  id: string
  trigger: string
  requested_by: string
  finding_count: number
  unread: string[]
  lists: { key: string; severity: string; count: number; items: Item[] }[]
}

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  const patient = { registry: PATIENT }
  mesh = await twoPlatforms({ a: patient, b: patient })
  ;({ a, b } = mesh)
  await becomePeers(a, b)
})
afterAll(() => mesh?.stop())

/** The reviews in which every owner was read, newest first. On a busy machine one may not answer in time: then there are others. */
const whole: string[] = []
async function drawUp(): Promise<Review> {
  const run = async () => (await typeJson<{ review: Review }>(a, 'review run')).review
  const review = await eventually(run, ({ unread }) => unread.length === 0)
  whole.unshift(review.id)
  return review
}

const itemsOf = ({ lists }: Review, key: string) => lists.find((list) => list.key === key)?.items ?? []

test('a review reads every owner, names what is broad or ends soon, and each line can be pasted', async () => {
  const grant = ['grant', 'create', 'b', '--kind', 'NodeModule']
  const broad = await typeJson<{ grant: { id: string } }>(a, [...grant, '--scope', 'read,admin'])
  const short = await typeJson<{ grant: { id: string } }>(a, [...grant, '--scope', 'read', '--id', 'ntp', '--ttl', '2d']) // prettier-ignore
  expect(await typeRefused(a, 'review show')).toMatchObject({ reason: 'REVIEW_NOT_FOUND' })
  const review = await drawUp()
  expect(review).toMatchObject({ trigger: 'on_demand', finding_count: 2 })
  expect(itemsOf(review, 'broad_scope_grants').map(({ subject }) => subject)).toEqual([broad.grant.id])
  expect(itemsOf(review, 'grants_approaching_expiry').map(({ subject }) => subject)).toEqual([short.grant.id])

  const { out } = await type(a, 'review show')
  expect(out).toContain('grants approaching expiry (1)')
  const [pasted = ''] = /grant update .*/.exec(out) ?? []
  expect((await type(a, pasted.split(' '))).exit).toBe(0)
  const after = await drawUp()
  expect(itemsOf(after, 'broad_scope_grants')).toEqual([])
  const listed = (await typeJson<{ reviews: Review[] }>(a, 'review list')).reviews.map(({ id }) => id)
  expect(listed.filter((id) => whole.includes(id))).toEqual([after.id, review.id])
})

test('what a review found is news, list by list, and last that it is complete', async () => {
  const kinds = async () =>
    (await typeJson<{ events: { kind: string; payload: Record<string, unknown> }[] }>(a, 'events list')).events.filter(
      ({ kind, payload }) =>
        /^federation\.(review|manager)\./.test(kind) && whole.includes(String(payload['review_id'])),
    )
  await until(async () => (await kinds()).filter(({ kind }) => kind.endsWith('review_completed')).length === 2)
  const all = await kinds()
  expect(all.map(({ kind }) => kind)).toEqual([
    'federation.review.grants_approaching_expiry',
    'federation.review.broad_scope_grants',
    'federation.manager.review_completed',
    'federation.review.grants_approaching_expiry',
    'federation.manager.review_completed',
  ])
  expect(all[0]?.payload).toMatchObject({ count: 1, sample: [{ message: expect.stringContaining('read on NodeModule') }] }) // prettier-ignore
  expect(all.at(-1)?.payload).toMatchObject({ finding_count: 1 })
})
