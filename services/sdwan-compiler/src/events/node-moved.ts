import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { NodeMovedSchema } from '@powernode/proto/powernode/sdwan/v1/events_pb.ts'

/** What becomes of a compiled state on its node, and how much that matters. */
const WORDS = { node_applied: 'low', node_rolled_back: 'high', node_drifted: 'medium' } as const

export type NodeWord = keyof typeof WORDS

type Said = { readonly nodeId: string; readonly version: string; readonly reason: string; readonly at: Date }

/** fed.sdwan.<word>.<node instance id>. */
export function nodeMoved(word: NodeWord, { nodeId, version, reason, at }: Said): Announcement {
  return {
    noun: 'sdwan',
    word,
    id: nodeId,
    severity: WORDS[word],
    peerId: undefined,
    actor: `instance/${nodeId}`,
    at,
    payload: create(NodeMovedSchema, { nodeInstanceId: nodeId, version, reason }),
  }
}
