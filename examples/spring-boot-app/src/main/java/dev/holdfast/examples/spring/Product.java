package dev.holdfast.examples.spring;

/**
 * What a shop sells.
 *
 * @param id its number
 * @param name its name
 * @param cents its price
 */
public record Product(long id, String name, long cents) {}
