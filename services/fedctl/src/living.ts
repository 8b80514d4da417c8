import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'

/** Every state of a child of which something is there. */
export const LIVING: ChildState[] = [
  ChildState.PREPARING,
  ChildState.PROVISIONING,
  ChildState.BOOTING,
  ChildState.JOINING,
  ChildState.ACTIVE,
  ChildState.UNDOING,
]
