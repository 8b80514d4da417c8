import { Code, ConnectError } from '@connectrpc/connect'
import { Refusal } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { Doubts } from './doubts.ts'

const DOUBT_MS = 10_000
const AWAY = new ConnectError('no gateway', Code.Unavailable)

test('a log waits from when its peer could be asked, whatever the answer', () => {
  const doubts = new Doubts(DOUBT_MS)
  doubts.asked('b', 5_000, AWAY)
  doubts.asked('b', 6_000, new Refusal('POLICY_STALE', 'not yet'))
  expect(doubts.isOver('b', 1_000, 30_000)).toBe(false)
  doubts.asked('b', 30_000, new Refusal('PEER_UNREACHABLE', 'it does not answer'))
  expect([39_999, 40_000].map((now) => doubts.isOver('b', 1_000, now))).toEqual([false, true])
})

test('where it cannot be asked at all the log waits six times as long', () => {
  const doubts = new Doubts(DOUBT_MS)
  doubts.asked('b', 5_000, AWAY)
  expect([60_999, 61_000].map((now) => doubts.isOver('b', 1_000, now))).toEqual([false, true])
})

test('that it was asked before the database was put back once more counts for nothing', () => {
  const doubts = new Doubts(DOUBT_MS)
  doubts.asked('b', 5_000)
  expect(doubts.isOver('b', 1_000, 15_000)).toBe(true)
  expect([1_030_000, 1_059_999].map((now) => doubts.isOver('b', 1_000_000, now))).toEqual([false, false])
  doubts.asked('b', 1_055_000)
  expect([1_064_999, 1_065_000].map((now) => doubts.isOver('b', 1_000_000, now))).toEqual([false, true])
})
