package dev.holdfast.spring.boot;

/** A value that is stored as JSON. */
public record User(long id, String name) {}
