import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'

let a: TestPlatform
let b: TestPlatform
let toB: Road
beforeAll(async () => {
  toB = await openRoad(() => b.platform.ports.door)
  ;[a, b] = await Promise.all([TestPlatform.start('a'), TestPlatform.start('b', { registry: endpointsOf(toB) })])
})
afterAll(async () => {
  toB?.close()
  await Promise.all([a?.stop(), b?.stop()])
})

/** With owners: Postgres opens only what is its own. */
const copy = (from: string, to: string) => execFileSync('cp', ['-a', from, to])

test('a platform restored from a backup is found out by its epoch, on both sides, and goes on as the same peer', async () => {
  const { onA, onB } = await federate(a, b)
  const { dir } = b.platform
  const options = { registry: endpointsOf(toB) }
  const backup = join(dir, 'backup')

  await b.stop({ keep: true })
  copy(join(dir, 'postgres'), backup)
  b = await TestPlatform.startIn(dir, 'b', options)
  // Further than what is restored comes by itself: on a busy machine who leads may change, and that is a start too.
  let lived = await a.untilFreshness(onA, ({ epoch }) => epoch >= 2n)
  for (const _ of [1, 2, 3, 4]) {
    await b.restart('liveness', {})
    lived = await a.untilFreshness(onA, ({ epoch }) => epoch > lived.epoch)
  }
  await b.stop({ keep: true })

  rmSync(join(dir, 'postgres'), { recursive: true })
  copy(backup, join(dir, 'postgres'))
  b = await TestPlatform.startIn(dir, 'b', options)
  const found = await a.untilFreshness(onA, ({ restoredAt, epoch }) => restoredAt !== undefined && epoch > lived.epoch)
  expect(found.epoch, 'the restored side has raised its epoch above all it had lived').toBeGreaterThan(lived.epoch)
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])

  expect(await a.ledgerOf(onA, 'federation.peer.restored')).toContain('federation.peer.restored')
  expect(await b.ledgerOf(onB, 'federation.platform.restored')).toContain('federation.platform.restored')
})
