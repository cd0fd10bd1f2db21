/**
 * A constructor that makes nothing: a class that extends it adds its private fields to the object it is given.
 *
 * What is known about each of many thousand types is kept in this way. Nobody else can see it, and it goes with the type;
 * a weak map would do the same and make the collection of garbage several times as long.
 */
export class Given {
  constructor(object: object) {
    return object;
  }
}
