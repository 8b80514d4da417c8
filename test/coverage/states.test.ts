import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { describe, expect, test } from 'vitest'
import { APPROVAL_MOVES, APPROVAL_STATES, type ApprovalMove } from '../../services/grant-authz/src/approval.ts'
import { MOVES, PEER_STATES, RESUMED, type Move } from '../../services/peer-registry/src/peer.ts'
import { STATES } from '../../services/peer-registry/src/wire-words.ts'
import { CHILD_MOVES, CHILD_STATES, type ChildMove } from '../../services/spawn-provisioner/src/child.ts'
import { STATES as CHILD_WIRE } from '../../services/spawn-provisioner/src/wire.ts'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { RUN_MOVES } from '../../services/sdwan-compiler/src/run.ts'
import { read, tableOf, wholeTable } from './sources.ts'

const DOCS = read('docs/states.md')
const SQL = read('services/peer-registry/migrations/0001_peer_registry.sql')

test('the states in code, in SQL, on the wire and in docs/states.md are the same', () => {
  const [, inSql = ''] = /state text not null check \(state in \(([^)]*)\)\)/.exec(SQL) ?? []
  expect(inSql.match(/\w+/g)).toEqual([...PEER_STATES])
  expect(Object.keys(STATES)).toEqual([...PEER_STATES])
  const onTheWire = Object.keys(PeerState).filter((key) => !/^\d+$/.test(key) && key !== 'UNSPECIFIED')
  expect(onTheWire.map((key) => key.toLowerCase())).toEqual([...PEER_STATES])
  expect(tableOf(DOCS, 'State', 'Means').map(([state]) => state)).toEqual([...PEER_STATES])
})

test('the moves in docs/states.md are those of the code, cell by cell', () => {
  const [header = []] = wholeTable(DOCS, 'From', 'accept')
  const moves = header.slice(1) as Move[]
  const inCode = new Set(Object.values(MOVES).flatMap((row) => Object.keys(row)))
  expect(new Set(moves)).toEqual(inCode)
  const drawn = tableOf(DOCS, 'From', 'accept').map(([from, ...to]) => [from, Object.fromEntries(moves.map((move, at) => [move, to[at]]))]) // prettier-ignore
  const real = PEER_STATES.map((from) => [from, Object.fromEntries(moves.map((move) => [move, MOVES[from][move] ?? '-']))]) // prettier-ignore
  expect(drawn).toEqual(real)
})

test('where a resumed peer goes is the same in docs and code', () => {
  expect(Object.fromEntries(tableOf(DOCS, 'Suspended from'))).toEqual(RESUMED)
})

test('the moves that the database lets through are those of the code', () => {
  const [, guard = ''] = /create function guard_peer\(\)([\s\S]*?)raise exception/.exec(SQL) ?? []
  const inSql = Array.from(guard.matchAll(/\('(\w+)', '(\w+)'\)/g), ([, from, to]) => `${from} ${to}`)
  const inCode = PEER_STATES.flatMap((from) => {
    const targets =
      from === 'suspended' ? [...Object.values(RESUMED), MOVES.suspended.revoke] : Object.values(MOVES[from])
    return targets.filter((to) => to !== from).map((to) => `${from} ${to}`)
  })
  expect(new Set(inSql)).toEqual(new Set(inCode))
})

describe('an approval', () => {
  const MIGRATION = read('services/grant-authz/migrations/0005_approval.sql')

  test('has the same states in code, in SQL, in the proto and in docs/states.md', () => {
    const [, inSql = ''] = /state text not null check \(state in \(([^)]*)\)\)/.exec(MIGRATION) ?? []
    expect(inSql.match(/\w+/g)).toEqual([...APPROVAL_STATES])
    const [, inProto = ''] = /message Approval \{[\s\S]*?\/\/ (.*)\n\s*string state/.exec(read('proto/powernode/approval/v1/service.proto')) ?? [] // prettier-ignore
    expect(Array.from(inProto.matchAll(/"(\w+)"/g), ([, word]) => word)).toEqual([...APPROVAL_STATES])
    expect(tableOf(DOCS, 'Approval', 'Means').map(([state]) => state)).toEqual([...APPROVAL_STATES])
  })

  test('moves in docs/states.md as in the code, cell by cell', () => {
    const [header = []] = wholeTable(DOCS, 'Approval from')
    const moves = header.slice(1) as ApprovalMove[]
    expect(new Set(moves)).toEqual(new Set(Object.values(APPROVAL_MOVES).flatMap((row) => Object.keys(row))))
    const drawn = tableOf(DOCS, 'Approval from').map(([from, ...to]) => [from, ...to])
    expect(drawn).toEqual(
      APPROVAL_STATES.map((from) => [from, ...moves.map((move) => APPROVAL_MOVES[from][move] ?? '-')]),
    )
  })

  test('is let through by the database for the moves of the code, and no others', () => {
    const [, guard = ''] = /create function guard_approval\(\)([\s\S]*?)raise exception/.exec(MIGRATION) ?? []
    const inSql = Array.from(guard.matchAll(/\('(\w+)', '(\w+)'\)/g), ([, from, to]) => `${from} ${to}`)
    const inCode = APPROVAL_STATES.flatMap((from) => Object.values(APPROVAL_MOVES[from]).map((to) => `${from} ${to}`))
    expect(new Set(inSql)).toEqual(new Set(inCode))
  })
})

describe('a child', () => {
  const MIGRATION = read('services/spawn-provisioner/migrations/0001_spawn.sql')

  test('has the same states in code, in SQL, on the wire and in docs/states.md', () => {
    const [, inSql = ''] = /create table child \([\s\S]*?check \(state in \(([^)]*)\)\)/.exec(MIGRATION) ?? []
    expect(inSql.match(/\w+/g)).toEqual([...CHILD_STATES])
    expect(Object.keys(CHILD_WIRE)).toEqual([...CHILD_STATES])
    const onTheWire = Object.keys(ChildState).filter((key) => !/^\d+$/.test(key) && key !== 'UNSPECIFIED')
    expect(onTheWire.map((key) => key.toLowerCase())).toEqual([...CHILD_STATES])
    expect(tableOf(DOCS, 'Child', 'Means').map(([state]) => state)).toEqual([...CHILD_STATES])
  })

  test('moves in docs/states.md as in the code, cell by cell', () => {
    const [header = []] = wholeTable(DOCS, 'Child from')
    const moves = header.slice(1) as ChildMove[]
    expect(new Set(moves)).toEqual(new Set(Object.values(CHILD_MOVES).flatMap((row) => Object.keys(row))))
    expect(tableOf(DOCS, 'Child from').map(([from, ...to]) => [from, ...to])).toEqual(
      CHILD_STATES.map((from) => [from, ...moves.map((move) => CHILD_MOVES[from][move] ?? '-')]),
    )
  })

  test('is let through by the database for the moves of the code, and no others', () => {
    const [, guard = ''] = /create function guard_child\(\)([\s\S]*?)raise exception/.exec(MIGRATION) ?? []
    const inSql = Array.from(guard.matchAll(/\('(\w+)', '(\w+)'\)/g), ([, from, to]) => `${from} ${to}`)
    const inCode = CHILD_STATES.flatMap((from) => Object.values(CHILD_MOVES[from]).map((to) => `${from} ${to}`))
    expect(new Set(inSql)).toEqual(new Set(inCode))
  })
})

describe('a run of a skill', () => {
  const MIGRATION = read('services/sdwan-compiler/migrations/0006_run.sql')
  const RUN_STATES = Object.keys(RUN_MOVES) as readonly (keyof typeof RUN_MOVES)[] // keys of a constant

  test('has the same states in code, in SQL, in the proto and in docs/states.md', () => {
    const [, inSql = ''] = /state text not null check \(state in \(([^)]*)\)\)/.exec(MIGRATION) ?? []
    expect(inSql.match(/\w+/g)).toEqual(RUN_STATES)
    const [, inProto = ''] =
      /\/\/ planned \(dry run\), (.*)\.\n\s*string state/.exec(read('proto/powernode/sdwan/v1/skill.proto')) ?? []
    expect(inProto.split(', ')).toEqual(RUN_STATES)
    expect(tableOf(DOCS, 'Run', 'Means').map(([state]) => state)).toEqual(RUN_STATES)
  })

  test('moves in docs/states.md, and is let through by the database, as in the code', () => {
    const drawn = tableOf(DOCS, 'Run from').map(([from, to = '']) => [from, to.match(/\w+/g) ?? []])
    expect(drawn).toEqual(RUN_STATES.map((from) => [from, RUN_MOVES[from]]))
    const [, guard = ''] =
      /create function guard_run\(\)([\s\S]*)end\n\$\$;\ncreate trigger run_guarded/.exec(MIGRATION) ?? []
    const inSql = Array.from(guard.matchAll(/\('(\w+)', '(\w+)'\)/g), ([, from, to]) => `${from} ${to}`)
    const inCode = RUN_STATES.flatMap((from) => RUN_MOVES[from].map((to) => `${from} ${to}`))
    expect(new Set(inSql)).toEqual(new Set(inCode))
  })
})
