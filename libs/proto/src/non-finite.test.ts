import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { StructSchema, ValueSchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { PlatformDescriptionSchema } from './gen/powernode/federation/v1/platform_pb.ts'
import {
  AcceptanceSchema,
  AcceptRequestSchema,
  HeartbeatRequestSchema,
} from './gen/powernode/federation/v1/service_pb.ts'
import { nonFiniteIn } from './non-finite.ts'

/** As it comes from the wire, where nobody asked whether JSON can say it. */
const described = (capabilities: object) =>
  fromBinary(
    PlatformDescriptionSchema,
    toBinary(PlatformDescriptionSchema, create(PlatformDescriptionSchema, { capabilities: capabilities as never })),
  )

test.each([Number.NaN, Infinity, -Infinity])('%s is found, however deep it lies', (number) => {
  for (const capabilities of [{ a: number }, { a: [1, { b: [number] }] }]) {
    const platform = described(capabilities)
    expect(nonFiniteIn(PlatformDescriptionSchema, platform)).toBe('capabilities')
    expect(nonFiniteIn(AcceptanceSchema, create(AcceptanceSchema, { platform }))).toBe('platform')
    expect(nonFiniteIn(HeartbeatRequestSchema, create(HeartbeatRequestSchema, { platform }))).toBe('platform')
  }
})

test('in messages that are nothing but such values, too', () => {
  const value = create(ValueSchema, { kind: { case: 'numberValue', value: Number.NaN } })
  expect(nonFiniteIn(StructSchema, create(StructSchema, { fields: { a: value } }))).toBe('fields')
})

test('everything else passes', () => {
  const platform = described({ a: 1, b: 'NaN', c: null, d: [true, {}], e: Number.MAX_VALUE })
  expect(nonFiniteIn(AcceptanceSchema, create(AcceptanceSchema, { platform }))).toBeUndefined()
  expect(nonFiniteIn(AcceptRequestSchema, create(AcceptRequestSchema))).toBeUndefined()
})
