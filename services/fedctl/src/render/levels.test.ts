import { create } from '@bufbuild/protobuf'
import { ServiceLevelSchema } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import { expect, test } from 'vitest'
import { levelTable } from './levels.ts'
import { paint } from './paint.ts'
import { pasting } from './paste.ts'

const canvas = { now: new Date(0), to: paint(false), width: undefined, paste: pasting('') }
const shown = (...levels: Parameters<typeof create<typeof ServiceLevelSchema>>[1][]) =>
  levelTable(levels.map((level) => create(ServiceLevelSchema, level)), canvas, (id) => id).split('\n').slice(1) // prettier-ignore

test('what was nearly all is not shown as all, and what nobody watched is not shown as good', () => {
  const [nearly, never] = shown(
    { peerId: 'berlin', window: '24h', availability: 0.9999999, heard: 1, heardByThem: 1, loss: 0, coverage: 0.5 },
    { peerId: 'wien', window: '24h', coverage: 0 },
  )
  expect(nearly?.split(/\s+/).slice(0, 5)).toEqual(['berlin', '24h', '99.999%', '100.000%', '100.000%'])
  expect(never?.split(/\s+/).slice(0, 5)).toEqual(['wien', '24h', '-', '-', '-'])
})
