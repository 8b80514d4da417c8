import type { Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { allPages } from './pages.ts'
import type { Session } from './session.ts'

/** What our own catalogue holds of a kind, with all fields; of every kind when none is named. */
export const ownResources = ({ clients }: Session, kind: string): Promise<Resource[]> =>
  allPages(
    (pageToken) => clients.catalogue.listOwnResources({ kind, pageSize: 1000, pageToken }),
    (page) => page.resources,
  )
