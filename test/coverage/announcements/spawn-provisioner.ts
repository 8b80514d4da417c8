/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import { create } from '@bufbuild/protobuf'
import { ChildSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import * as spawns from '../../../services/spawn-provisioner/src/events.ts'
import { SPAWN_WORDS, type SpawnWord } from '../../../services/spawn-provisioner/src/spawn-word.ts'
import { AT, PEER, ID, saying, type News } from './saying.ts'

/** Every way in which spawn-provisioner makes news, once for each word it can say. */
export const SPAWN_PROVISIONER: News = {
  'spawn-provisioner/events.ts': saying(spawns, {
    spawnMoved: () => [
      ...Object.keys(SPAWN_WORDS).map((word) =>
        spawns.spawnMoved(word as SpawnWord, { child: create(ChildSchema, { id: ID, peerId: PEER }), about: ID, at: AT }),
      ), // prettier-ignore
      spawns.spawnMoved('orphan_found', { about: ID, at: AT }),
    ],
  }),
}
