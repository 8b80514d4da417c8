import type { JsonObject } from '@bufbuild/protobuf'

/** What children are made of. A retired one makes no more. */
export type Template = {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly spec: JsonObject
  readonly createdBy: string
  readonly createdAt: Date
  readonly retiredAt: Date | null
  readonly revision: number
}

/** Something that makes instances, as an operator wrote it down. */
export type ProviderRecord = {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly config: JsonObject
  /** Whether it could make an instance when last asked: 'ready', or why not. Empty: never asked. */
  readonly status: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly revision: number
}

export type Region = {
  readonly id: string
  readonly providerId: string
  readonly name: string
  readonly residency: string
}

export type InstanceType = {
  readonly id: string
  readonly providerId: string
  readonly name: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly diskBytes: number
}
