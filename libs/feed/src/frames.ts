import { create } from '@bufbuild/protobuf'
import {
  BegunSchema,
  PositionSchema,
  SettledSchema,
  TickSchema,
  type Ask,
  type Begin,
  type Begun,
  type Position,
  type Settled,
  type Tick,
} from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import type { Head } from './epoch.ts'

/** What a reader says: the request of every Watch… RPC. */
export type Said =
  | { readonly case: 'begin'; readonly value: Begin }
  | { readonly case: 'ask'; readonly value: Ask }
  | { readonly case: undefined; readonly value?: undefined }

/** What every feed says besides what it tells. */
export type Frame =
  | { case: 'begun'; value: Begun }
  | { case: 'position'; value: Position }
  | { case: 'tick'; value: Tick }
  | { case: 'settled'; value: Settled }
  | { case: undefined; value?: undefined }

export const begun = (replaces: boolean): Frame => ({ case: 'begun', value: create(BegunSchema, { replaces }) })

export const position = (head: Head): Frame => ({ case: 'position', value: positionOf(head) })

export const tick = (number: bigint, leaseMs: number): Frame => ({
  case: 'tick',
  value: create(TickSchema, { number, leaseMs }),
})

export const settled = (epoch: bigint): Frame => ({ case: 'settled', value: create(SettledSchema, { epoch }) })

export const positionOf = ({ epoch, mark }: Head): Position =>
  create(PositionSchema, { epoch, mark: Uint8Array.from(mark) })

export const headOf = ({ epoch, mark }: Position): Head => ({ epoch, mark: Buffer.from(mark) })
