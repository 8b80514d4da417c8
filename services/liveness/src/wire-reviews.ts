import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  ReviewItemSchema,
  ReviewListSchema,
  ReviewSchema,
  type Review as WireReview,
  type ReviewItem as WireItem,
} from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { findingCount, type Review, type ReviewItem } from './review-lists/review.ts'

/** A review as operators see it; in a list of reviews without the items. */
export const reviewToWire = (review: Review, { isWhole }: { readonly isWhole: boolean }): WireReview =>
  create(ReviewSchema, {
    id: review.id,
    trigger: review.trigger,
    requestedBy: review.requestedBy,
    startedAt: timestampFromDate(review.startedAt),
    completedAt: timestampFromDate(review.completedAt),
    findingCount: findingCount(review),
    unread: [...review.unread],
    archivedGrants: review.archivedGrants,
    lists: review.lists.map(({ key, severity, count, items }) =>
      create(ReviewListSchema, {
        key,
        severity,
        count,
        items: isWhole ? items.map(itemToWire) : [],
        truncated: count > items.length,
      }),
    ),
  })

export const itemToWire = (item: ReviewItem): WireItem => create(ReviewItemSchema, item)
