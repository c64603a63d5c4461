package dev.holdfast.benchmarks.spring;

import java.io.Serializable;

/**
 * A value. Serializable, as some of the peers want it by default.
 *
 * @param id its number
 * @param name its name
 */
public record Product(long id, String name) implements Serializable {}
