/** What a replica keeps and does for others at most, however they behave. */
export const bounds = {
  /** Requests of one cluster. b7s forms one for each request, and has no checkpoints at which a longer log could be cut. */
  sequences: 16,
  /** Views past which none is begun, far from where numbers lose digits. */
  lastView: 2 ** 40,
  /** Votes and pre-prepares are kept for so many views before and after the present one. */
  viewsAround: 4,
  /** A view change may go so many views ahead. */
  viewsAhead: 64,
  /** Bytes of pre-prepares of other views than the present one. */
  earlyBytes: 8 * 1_048_576,
  /** Messages with a wrong signature or proof after which a replica is not listened to any more. */
  offences: 8,
  /** What may have been lost is said again after this part of a request's time, then after twice as long, and so on. */
  resendsOfFirst: 10,
  /** Times that the time of a view is doubled. */
  doublings: 6,
  /**
   * Signatures that are computed for one message: its sender could have many be right. A new-view brings a view change of
   * each replica, and of what was prepared a prepare of each.
   */
  computedOfReplica: 18,
  leastComputed: 512,
  /** Signatures that are remembered to be right, since view changes bring them again. */
  knownSignatures: 2_048,
} as const;
