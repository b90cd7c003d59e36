package tool

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
)

const (
	// longestSide of a picture that a model is sent; a larger one is made smaller.
	longestSide = 2048
	// mostPixels bounds the memory that making a picture smaller takes.
	mostPixels = 50_000_000
	// largestPlain is the largest file of a picture that goes out as it is where
	// its size in pixels is not known.
	largestPlain = 4 << 20

	jpegQuality = 85
)

var (
	errNoImage   = errors.New("invalid or unsupported image data")
	errHugeImage = errors.New("the image is too large")
)

// fitImage is a picture that a model may be sent, and its media type. One that
// fits stays as it is, to the byte.
func fitImage(ctx context.Context, data []byte) (kind string, fit []byte, err error) {
	kind = http.DetectContentType(data)
	var size image.Config
	in := bytes.NewReader(data)
	switch kind {
	case "image/png":
		size, err = png.DecodeConfig(in)
	case "image/jpeg":
		size, err = jpeg.DecodeConfig(in)
	case "image/gif":
		size, err = gif.DecodeConfig(in)
	case "image/webp": // we cannot take these apart
		if len(data) > largestPlain {
			return "", nil, errHugeImage
		}
		return kind, data, nil
	default:
		return "", nil, errNoImage
	}
	switch {
	case err != nil || size.Width <= 0 || size.Height <= 0:
		return "", nil, errNoImage
	case size.Width > mostPixels/size.Height:
		return "", nil, errHugeImage
	}
	whole, err := decodeImage(kind, data)
	switch {
	case err != nil:
		return "", nil, errNoImage
	case max(size.Width, size.Height) <= longestSide:
		return kind, data, nil
	}
	small, err := shrink(ctx, whole)
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	if kind == "image/jpeg" {
		err = jpeg.Encode(&out, small, &jpeg.Options{Quality: jpegQuality})
	} else {
		kind, err = "image/png", png.Encode(&out, small)
	}
	return kind, out.Bytes(), err
}

func decodeImage(kind string, data []byte) (image.Image, error) {
	in := bytes.NewReader(data)
	switch kind {
	case "image/png":
		return png.Decode(in)
	case "image/jpeg":
		return jpeg.Decode(in)
	default:
		return gif.Decode(in)
	}
}

// shrink makes a picture small enough, keeping its shape. Each pixel is the mean
// of those it stands for; the source is converted a few rows at a time.
func shrink(ctx context.Context, src image.Image) (image.Image, error) {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	long := max(w, h)
	dw, dh := max(w*longestSide/long, 1), max(h*longestSide/long, 1)
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	rows := image.NewRGBA(image.Rect(0, 0, w, h/dh+1))
	for y := range dh {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		top, bottom := y*h/dh, (y+1)*h/dh
		strip := image.Rect(0, 0, w, bottom-top)
		draw.Draw(rows, strip, src, image.Pt(b.Min.X, b.Min.Y+top), draw.Src)
		for x := range dw {
			dst.SetRGBA(x, y, mean(rows, image.Rect(x*w/dw, 0, (x+1)*w/dw, bottom-top)))
		}
	}
	return dst, nil
}

// mean is the mean colour of a part of a picture.
func mean(img *image.RGBA, part image.Rectangle) color.RGBA {
	var sum [4]int
	for y := part.Min.Y; y < part.Max.Y; y++ {
		row := img.Pix[img.PixOffset(part.Min.X, y):img.PixOffset(part.Max.X, y)]
		for i := 0; i < len(row); i += 4 {
			sum[0] += int(row[i])
			sum[1] += int(row[i+1])
			sum[2] += int(row[i+2])
			sum[3] += int(row[i+3])
		}
	}
	n := part.Dx() * part.Dy()
	return color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), uint8(sum[3] / n)}
}
