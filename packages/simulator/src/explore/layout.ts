// Where things stand in a row of the whole: the members, the connections by sender and receiver, then what
// concerns all. And the lanes, things that may fall behind: each connection, each disk, the streams.

export class Layout {
  readonly count: number;
  readonly places: readonly number[];
  /** The streams that leaders were asked for, oldest first. */
  readonly wanted: number;
  /** What was acted on, by index. */
  readonly chosen: number;
  /** Who led, by epoch. */
  readonly leaders: number;
  /** What may still happen. */
  readonly budget: number;
  /** The lanes that are behind, a bit each. */
  readonly behind: number;
  readonly width: number;

  constructor(count: number) {
    this.count = count;
    this.places = Array.from({ length: count }, (_, place) => place);
    this.wanted = count + count * (count - 1);
    this.chosen = this.wanted + 1;
    this.leaders = this.wanted + 2;
    this.budget = this.wanted + 3;
    this.behind = this.wanted + 4;
    this.width = this.wanted + 5;
  }

  link(from: number, to: number): number {
    return this.count + this.laneOfLink(from, to);
  }

  laneOfLink(from: number, to: number): number {
    return from * (this.count - 1) + (to > from ? to - 1 : to);
  }

  laneOfDisk(at: number): number {
    return this.count * (this.count - 1) + at;
  }

  get laneOfStreams(): number {
    return this.count * this.count;
  }

  describeLane(lane: number, name: (place: number) => string): string {
    if (lane === this.laneOfStreams) return "the streams of snapshots";
    const disks = this.count * (this.count - 1);
    if (lane >= disks) return `the disk of ${name(lane - disks)}`;
    const from = Math.floor(lane / (this.count - 1));
    const other = lane % (this.count - 1);
    return `${name(from)}->${name(other >= from ? other + 1 : other)}`;
  }
}
