import { once } from 'node:events'
import { create, toBinary } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { Metadata, type handleBidiStreamingCall, type ServerDuplexStream } from '@grpc/grpc-js'
import { Refusal, refusalOf } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { stillAdmitted } from './admission.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import { askedBy, onward, peerOf, readRequest, type Asked, type UnaryParts } from './unary.ts'
import type { Watches } from './watches.ts'

export type MemberParts = UnaryParts & {
  readonly table: PeerTable
  readonly watches: Watches
  readonly spawns: Pick<Client<typeof SpawnService>, 'attendMember'>
}

type Call = ServerDuplexStream<Buffer, Buffer>

const { input, output } = FederationService.method.attendMember

/**
 * The standing line of a cluster_member: what it says goes to spawn-provisioner, under the name its certificate bears, and
 * orders come back. It ends at once, with the reason, when the peer may not call any more.
 */
export function attendMember(parts: MemberParts): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const asked = askedBy(parts, call)
    const over = new AbortController()
    asked.signal.addEventListener('abort', () => over.abort(), { once: true })
    const end = (error: unknown) => {
      if (over.signal.aborted) return
      over.abort()
      call.emit('error', asked.visit.fail(refusalOf(error) ?? error))
    }
    attend(parts, call, { ...asked, signal: over.signal }, end).then(() => {
      if (asked.signal.aborted) asked.visit.abandon()
      else if (!over.signal.aborted) call.end()
    }, end)
  }
}

// oxlint-disable-next-line max-params -- one stream: with what, with whom, who asked, and how it ends
async function attend(parts: MemberParts, call: Call, asked: Asked, end: (error: unknown) => void): Promise<void> {
  const { peerId } = peerOf(asked)
  const { table, clock, watches, spawns } = parts
  const admitted = stillAdmitted(table, clock)
  const leaveRoom = watches.enter(peerId)
  const close = watches.open({ review: () => review(() => admitted(asked.visit), end) })
  try {
    call.sendMetadata(new Metadata()) // the line stands: the member waits for this before it says anything
    for await (const { order } of spawns.attendMember(said(peerId, call), { ...onward(asked), timeoutMs: 0 })) {
      if (asked.signal.aborted) return
      const word = Buffer.from(toBinary(output, create(output, order && { order })))
      if (!call.write(word)) await once(call, 'drain', { signal: asked.signal })
    }
  } finally {
    close()
    leaveRoom()
  }
}

/**
 * Ends the line of whoever may not call any more; but not because we cannot know for now. A line that stands is how a member
 * is told to take over from a database that was fenced, and that fence is what cuts us off from knowing. It carries orders
 * of ours and reports, nothing else; and a new one is not let in until we know again.
 */
function review(admitted: () => unknown, end: (error: unknown) => void): void {
  try {
    admitted()
  } catch (objection) {
    if (!(objection instanceof Refusal && objection.reason === 'POLICY_STALE')) end(objection)
  }
}

async function* said(peerId: string, call: Call) {
  for await (const bytes of call as AsyncIterable<Buffer>) {
    const { report } = readRequest(input, bytes)
    yield { peerId, ...(report && { report }) }
  }
}
