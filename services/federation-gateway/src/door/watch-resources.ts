import { once } from 'node:events'
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { Metadata, type handleServerStreamingCall, type ServerWritableStream } from '@grpc/grpc-js'
import { warmUp } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { WatchResourcesResponseSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import type { WatchResourcesResponse as Owned } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { leaveFor, type Leave } from '../decisions/leave.ts'
import { reveal } from '../owners/reveal.ts'
import type { ResourceParts } from './resource-parts.ts'
import { askedBy, onward, peerOf, readRequest, type Asked } from './unary.ts'
import { sayWhereRecorded } from './visit.ts'

type Call = ServerWritableStream<Buffer, Buffer>
type Update = NonNullable<MessageInitShape<typeof WatchResourcesResponseSchema>['update']>

const { input, output } = FederationService.method.watchResources

/**
 * The resources of a kind, then every change of them, for as long as that stays allowed.
 *
 * Each word is asked for before it goes out, and when policy, peers or time take away what allows the stream it ends at
 * once, in the same turn: nothing that was queued goes out after that.
 */
export function watchResources(parts: ResourceParts): handleServerStreamingCall<Buffer, Buffer> {
  warmUp(input)
  return (call) => {
    const asked = askedBy(parts, call)
    const over = new AbortController()
    asked.signal.addEventListener('abort', () => over.abort(), { once: true })
    const end = (error: unknown) => {
      if (over.signal.aborted) return
      over.abort()
      call.emit('error', asked.visit.fail(error))
    }
    enter(parts, call, { ...asked, signal: over.signal }, end).then(() => {
      if (asked.signal.aborted) asked.visit.abandon()
      else if (!over.signal.aborted) call.end()
    }, end)
  }
}

// oxlint-disable-next-line max-params -- one stream: with what, where to, who asked, and how it ends
async function enter(parts: ResourceParts, call: Call, asked: Asked, end: (error: unknown) => void): Promise<void> {
  const leaveRoom = parts.watches.enter(peerOf(asked).peerId)
  try {
    await follow(parts, call, asked, end)
  } finally {
    leaveRoom()
  }
}

// oxlint-disable-next-line max-params -- as above
async function follow(parts: ResourceParts, call: Call, asked: Asked, end: (error: unknown) => void): Promise<void> {
  const { decider, owners, watches } = parts
  const { kind, id } = readRequest(input, call.request)
  const leave = await leaveFor(decider, asked, { rpc: 'WatchResources', kind, id, scope: 'read' })
  const { decisionId, kind: served } = leave
  const review = () => {
    const objection = asked.signal.aborted ? undefined : (watches.doubtOf(asked.visit.visitor) ?? leave.objection())
    if (objection) end(leave.end(objection))
  }
  const close = watches.open({ review })
  try {
    const headers = new Metadata()
    sayWhereRecorded(headers, asked.visit)
    call.sendMetadata(headers)
    const wanted = { kind, id: id || leave.onlyId, peerId: leave.peerId }
    const shown = new Shown(leave)
    for await (const { update } of owners.of(served).watchResources(wanted, { ...onward(asked), timeoutMs: 0 })) {
      review()
      const word = shown.wordFor(update, decisionId)
      if (asked.signal.aborted) return
      if (!word || call.write(encoded(word))) continue
      await once(call, 'drain', { signal: asked.signal })
    }
    throw new Error('the owner ended a stream that has no end')
  } catch (error) {
    if (!asked.signal.aborted) throw owners.answerTo(served, error)
  } finally {
    close()
  }
}

/** What a peer has been shown on one stream: it hears that a resource is gone only if it knew that it was there. */
class Shown {
  readonly #ids = new Set<string>()
  readonly #leave: Leave

  constructor(leave: Leave) {
    this.#leave = leave
  }

  /** What the owner said, as far as the peer may hear it; undefined: not at all. */
  wordFor(said: Owned['update'], decisionId: string): Update | undefined {
    switch (said.case) {
      case 'snapshotSent':
        return { case: 'snapshotDecisionId', value: decisionId }
      case 'removedId':
        return this.#gone(said.value)
      case 'resource':
        if (!this.#leave.covers(said.value)) return this.#gone(said.value.id)
        this.#ids.add(said.value.id)
        return { case: 'resource', value: reveal(said.value, this.#leave.kind.sensitiveFields) }
      default:
        return undefined // a word of a later contract, which says nothing to us
    }
  }

  #gone(id: string): Update | undefined {
    return this.#ids.delete(id) ? { case: 'removedId', value: id } : undefined
  }
}

function encoded(update: Update): Buffer {
  return Buffer.from(toBinary(output, create(output, { update })))
}
