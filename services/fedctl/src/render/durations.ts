import { durationMs, type Duration } from '@bufbuild/protobuf/wkt'
import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { span } from './time.ts'

export const lasting = (duration: Duration | undefined): string => (duration ? span(durationMs(duration)) : '-')

/** How everybody came to know of what was taken away; nothing when nothing was. */
export function enforcementText(enforcement: Enforcement | undefined): string {
  if (!enforcement) return ''
  const how = enforcement.by === 'lease' ? 'a gateway that did not answer was waited out' : 'every gateway knows'
  return `${how}, ${lasting(enforcement.took)} after it was written (epoch ${enforcement.epoch})`
}
