/** What `run` tells a process it has started once that may outlive it. */
export const STAY = 'stay';
