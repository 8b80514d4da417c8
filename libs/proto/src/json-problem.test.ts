import { create, fromBinary, toBinary, type JsonObject, type JsonValue } from '@bufbuild/protobuf'
import { StructSchema, ValueSchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { PlatformDescriptionSchema } from './gen/powernode/federation/v1/platform_pb.ts'
import {
  AcceptanceSchema,
  AcceptRequestSchema,
  HeartbeatRequestSchema,
} from './gen/powernode/federation/v1/service_pb.ts'
import { ProposePeerRequestSchema } from './gen/powernode/peer/v1/service_pb.ts'
import { jsonProblem } from './json-problem.ts'

/** As it comes from the wire, where nobody asked whether JSON can say it. */
const described = (capabilities: JsonObject) =>
  fromBinary(
    PlatformDescriptionSchema,
    toBinary(PlatformDescriptionSchema, create(PlatformDescriptionSchema, { capabilities })),
  )
const nested = (levels: number): JsonValue =>
  levels === 0 ? 1 : levels % 2 ? [nested(levels - 1)] : { a: nested(levels - 1) }

test.each([Number.NaN, Infinity, -Infinity])('%s is found, however deep it lies', (number) => {
  const description = 'a number in it is not finite'
  for (const capabilities of [{ a: number }, { a: [1, { b: [number] }] }]) {
    const platform = described(capabilities)
    expect(jsonProblem(PlatformDescriptionSchema, platform)).toEqual({ field: 'capabilities', description })
    const around = { field: 'platform', description }
    expect(jsonProblem(AcceptanceSchema, create(AcceptanceSchema, { platform }))).toEqual(around)
    expect(jsonProblem(HeartbeatRequestSchema, create(HeartbeatRequestSchema, { platform }))).toEqual(around)
  }
})

test('what is nested too deep is found, and nothing one level higher', () => {
  const propose = (metadata: JsonObject) =>
    jsonProblem(ProposePeerRequestSchema, create(ProposePeerRequestSchema, { metadata }))
  expect(propose({ a: nested(15) })).toBeUndefined()
  expect(propose({ a: nested(16) })).toEqual({ field: 'metadata', description: 'it is nested deeper than 16 levels' })
})

test('messages that are nothing but such values are looked through, too', () => {
  const value = create(ValueSchema, { kind: { case: 'numberValue', value: Number.NaN } })
  expect(jsonProblem(StructSchema, create(StructSchema, { fields: { a: value } }))).toBeDefined()
})

test('everything else passes', () => {
  const platform = described({ a: 1, b: 'NaN', c: null, d: [true, {}], e: Number.MAX_VALUE })
  expect(jsonProblem(AcceptanceSchema, create(AcceptanceSchema, { platform }))).toBeUndefined()
  expect(jsonProblem(AcceptRequestSchema, create(AcceptRequestSchema))).toBeUndefined()
})
