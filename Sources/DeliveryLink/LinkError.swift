public import SluiceCore

/// An error of a delivery link.
public typealias LinkError = CodedError<LinkErrorCode>
